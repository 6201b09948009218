// What a person sees of `<SignUp/>`, and does with it.

export class SignUpForm {
  constructor(page) {
    this.page = page;
  }

  async open(url) {
    await this.page.goto(url);
    await this.page.locator('.cl-card.cl-signUp-start').waitFor();
  }

  async fill(field, value) {
    this.lastFilled = this.page.locator(`input[name="${field}"]`);
    await this.lastFilled.fill(value);
  }

  /**
   * Ticks a box. The component draws the form anew while it judges the password, and a click in that moment is lost:
   * like a person, this clicks again when the box stays empty.
   */
  async check(field) {
    const box = this.page.locator(`input[name="${field}"]`);
    for (let tries = 0; tries < 5 && !(await box.isChecked()); tries += 1) {
      await box.click();
      const ticked = (element) => element.checked;
      await this.page.waitForFunction(ticked, await box.elementHandle(), { timeout: 1_000 }).catch(() => {});
    }
  }

  /**
   * Presses Enter in the last field and returns what the engine answered to the sign-up's creation.
   * (A hint below the password folds away when the field loses focus, so that a very quick click
   * on the button beneath would now and then miss it.)
   */
  async submit() {
    const answered = this.page.waitForResponse((response) => isCall(response, /\/client\/sign_ups$/));
    await this.lastFilled.press('Enter');
    return answer(await answered);
  }

  /** Gives an e-mail address and a password, and waits for the card that asks for the code. Returns what `submit` does. */
  async beginWith(emailAddress, password) {
    await this.fill('emailAddress', emailAddress);
    await this.fill('password', password);
    const created = await this.submit();
    await this.codeCard('email');
    return created;
  }

  /** Waits for the card that asks for the code sent to this kind of address. */
  async codeCard(kind) {
    const path = { email: 'verify-email-address', phone: 'verify-phone-number' }[kind];
    await this.page.waitForURL((url) => url.hash.includes(path));
    await this.#codeInput().waitFor();
  }

  /** Types a code as soon as the field is empty, and returns what the engine answered. */
  async enterCode(code) {
    const input = this.#codeInput();
    await this.page.waitForFunction((element) => element.value === '' && !element.disabled, await input.elementHandle());
    const answered = this.page.waitForResponse((response) => isCall(response, /\/attempt_verification$/));
    await input.focus();
    await input.pressSequentially(code);
    return answer(await answered);
  }

  /** Waits until this text stands below a field. */
  async seeErrorUnder(field, text) {
    await this.page.locator(`#error-${field}`).filter({ hasText: text }).waitFor();
  }

  /** Waits until this text stands below the code field or in the card's alert. */
  async seeErrorOnCodeCard(text) {
    await this.page.locator('.cl-otpCodeFieldErrorText, .cl-alertText').filter({ hasText: text }).first().waitFor();
  }

  #codeInput() {
    return this.page.locator('input[data-input-otp]');
  }
}

function isCall(response, path) {
  return response.request().method() === 'POST' && path.test(new URL(response.url()).pathname);
}

async function answer(response) {
  return { status: response.status(), body: await response.json() };
}
