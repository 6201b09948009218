// The engine's own page when things do not go straight: mistakes, corrections, waits and what is taken. Each has a way on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PASSWORD, browser, engine, focused, forgetWaits, prove, reachCode, signUp, skip, startBeforeTests, visit } from './support/own_page.mjs';
import { logIn, startProvider } from './support/provider.mjs';
import * as settings from './support/settings.mjs';

startBeforeTests();

test('an empty submit says under each field what it wants, and goes to the first', { skip }, async (t) => {
  await engine.configure(settings.WITH_LEGAL_CONSENT);
  const page = await visit(t, browser, engine);
  await page.getByRole('button', { name: 'Sign up' }).click();
  for (const [name, text] of [
    ['email_address', 'Enter your e-mail address.'],
    ['password', 'Enter a password.'],
    ['legal_accepted', 'Accept the terms to go on.'],
  ]) {
    assert.equal(await page.locator(`#field-${name}-error`).innerText(), text);
    assert.equal(await page.locator(`#field-${name}`).getAttribute('aria-invalid'), 'true');
    assert.equal(await page.locator(`#field-${name}`).getAttribute('aria-describedby'), `field-${name}-error`);
  }
  assert.equal(await focused(page), 'field-email_address');
});

test('blanks alone are as good as nothing, and an empty code is asked for', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_ONLY);
  const page = await visit(t, browser, engine);
  await page.getByLabel('E-mail address').fill('   ');
  await page.getByRole('button', { name: 'Sign up' }).click();
  await page.getByText('Enter your e-mail address.').waitFor();
  await reachCode(page, 'blank@example.com');
  await page.getByRole('button', { name: 'Verify' }).click();
  assert.equal(await page.locator('#field-code-email_address-error').innerText(), 'Enter the code from the message.');
  assert.equal(await focused(page), 'field-code-email_address');
});

test('an error goes as soon as its value is corrected, and the others stay', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const page = await visit(t, browser, engine);
  await page.getByLabel('E-mail address').fill('nobody');
  await page.getByLabel('Password').fill('short');
  await page.getByRole('button', { name: 'Sign up' }).click();
  const [address, password] = [page.locator('#field-email_address-error'), page.locator('#field-password-error')];
  await address.waitFor();
  await password.waitFor();
  await page.getByLabel('E-mail address').press('End');
  await page.getByLabel('E-mail address').pressSequentially('@example.com');
  assert.equal(await address.count(), 0);
  assert.equal(await page.getByLabel('E-mail address').getAttribute('aria-invalid'), 'false');
  assert.equal(await page.getByLabel('E-mail address').getAttribute('aria-describedby'), null);
  assert.equal(await focused(page), 'field-email_address', 'typing goes on where it was');
  assert.equal(await password.count(), 1);
});

test('a code may be pasted as it was written', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_ONLY);
  const page = await visit(t, browser, engine);
  await reachCode(page, 'pasted@example.com');
  const code = await engine.code('pasted@example.com');
  await page.getByLabel('The code we sent to').fill(` ${code.slice(0, 3)} ${code.slice(3)} `);
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
});

test('after a message the next one counts down, and a refusal names its seconds', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_ONLY);
  const page = await visit(t, browser, engine);
  await reachCode(page, 'again@example.com');
  const again = page.getByRole('button', { name: /^Send again/ });
  assert.match(await again.innerText(), /^Send again in (30|2\d) s$/);
  assert.ok(await again.isDisabled());
  await page.reload();
  assert.match(await again.innerText(), /^Send again in \d+ s$/, 'loading the page anew makes no wait shorter');
  // Where the page knows of no wait, the engine tells it.
  await forgetWaits(page);
  await again.click();
  await page.locator('#alert').getByText(/A message was sent a moment ago\. You can try again in \d+ seconds?\./).waitFor();
  assert.match(await again.innerText(), /^Send again in \d+ s$/);
  assert.equal(await page.locator('#field-code-email_address').getAttribute('aria-invalid'), 'false');
});

test('when the wait is over the button works again and the alert is gone', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_ONLY);
  const page = await visit(t, browser, engine);
  let refusals = 1;
  await page.route('**/v1/client/sign_ups', (route) => {
    if (refusals === 0) return route.continue();
    refusals -= 1;
    const errors = [{ code: 'too_many_requests', message: 'Too many requests', long_message: 'Too many requests. Please try again in a bit.' }];
    return route.fulfill({ status: 429, headers: { 'Retry-After': '2' }, json: { errors } });
  });
  await page.getByLabel('E-mail address').fill('patient@example.com');
  await page.getByRole('button', { name: 'Sign up' }).click();
  await page.getByText('Too many requests. You can try again in 2 seconds.').waitFor();
  const submit = page.getByRole('button', { name: /^Sign up/ });
  assert.ok(await submit.isDisabled());
  await page.getByRole('button', { name: 'Sign up', exact: true }).waitFor();
  await page.locator('#alert').waitFor({ state: 'hidden' });
  assert.equal(await page.getByLabel('E-mail address').inputValue(), 'patient@example.com');
  await submit.click();
  await page.getByLabel('The code we sent to').waitFor();
});

test('whoever has an account signs in on the spot, by password or by code', { skip }, async (t) => {
  const signIn = { first_factors: ['email_code'] };
  const document = structuredClone(settings.EMAIL_AND_PASSWORD);
  Object.assign(document.attributes.email_address, signIn);
  await engine.configure(document);
  const first = await visit(t, browser, engine);
  await signUp(first, engine, 'known@example.com');
  for (const way of ['password', 'code']) {
    const page = await visit(t, browser, engine);
    await page.getByLabel('E-mail address').fill('known@example.com');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign up' }).click();
    await page.getByRole('button', { name: 'Sign in with it' }).click();
    if (way === 'password') {
      await page.getByLabel('Password').fill(PASSWORD);
      await page.getByRole('button', { name: 'Sign in' }).click();
    } else {
      await page.getByRole('button', { name: 'Send a code to known@example.com' }).click();
      await page.getByLabel('The code we sent to').waitFor();
      const messages = await engine.messages('known@example.com');
      await page.getByLabel('The code we sent to').fill(await engine.code('known@example.com', messages.length));
      await page.getByRole('button', { name: 'Verify' }).click();
    }
    await page.getByRole('heading', { name: 'You are in' }).waitFor();
  }
});

test('a taken address can be exchanged for another, before and after its code', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_ONLY);
  const first = await visit(t, browser, engine);
  await reachCode(first, 'wanted@example.com');
  // Two begin with the same address; the second to prove it comes too late.
  const second = await visit(t, browser, engine);
  await reachCode(second, 'wanted@example.com');
  const [early, late] = (await newest('wanted@example.com', 2)).map((message) => message.code);
  await prove(first, early);
  await first.getByRole('heading', { name: 'You are in' }).waitFor();
  await prove(second, late);
  await second.locator('#field-email_address-error').getByText('taken').waitFor();
  await second.getByRole('button', { name: 'Sign in with it' }).waitFor();
  await second.getByLabel('E-mail address').fill('other@example.com');
  await second.getByRole('button', { name: 'Continue' }).click();
  await second.getByText('other@example.com').first().waitFor();
  await prove(second, await engine.code('other@example.com'));
  await second.getByRole('heading', { name: 'You are in' }).waitFor();
});

test('a mistyped address is changed from where its code is asked for', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_ONLY);
  const page = await visit(t, browser, engine);
  await reachCode(page, 'mitsyped@example.com');
  await page.getByRole('button', { name: 'Use another address' }).click();
  assert.equal(await page.locator('#lead').innerText(), 'Give the right address. A new message goes there.');
  await page.getByRole('button', { name: 'Keep this address' }).click();
  await page.getByLabel('The code we sent to mitsyped@example.com').waitFor();
  await page.getByRole('button', { name: 'Use another address' }).click();
  assert.equal(await focused(page), 'field-email_address');
  assert.equal(await page.getByLabel('E-mail address').inputValue(), 'mitsyped@example.com');
  await page.getByLabel('E-mail address').fill('mistyped@example.com');
  await page.getByRole('button', { name: 'Continue' }).click();
  await prove(page, await engine.code('mistyped@example.com'));
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
});

test('a phone number is called a number', { skip }, async (t) => {
  await engine.configure(settings.PHONE_ONLY);
  const page = await visit(t, browser, engine);
  await page.getByLabel('Phone number').fill('+12025550148');
  await page.getByRole('button', { name: 'Sign up' }).click();
  await page.getByLabel('The code we texted to').waitFor();
  assert.match(await page.locator('#lead').innerText(), /^Show that the number is yours\./);
  await page.getByRole('button', { name: 'Use another number' }).click();
  assert.equal(await page.locator('#lead').innerText(), 'Give the right number. A new message goes there.');
  await page.getByRole('button', { name: 'Keep this number' }).waitFor();
  assert.equal(await page.getByText(/address/).count(), 0);
});

test('a sign-in asks only for what people can sign in with here', { skip }, async (t) => {
  const notForSignIn = structuredClone(settings.EMAIL_AND_USERNAME);
  notForSignIn.attributes.username.used_for_first_factor = false;
  for (const [document, words] of [
    [settings.EMAIL_AND_PASSWORD, 'e-mail address'],
    [settings.PHONE_ONLY, 'phone number'],
    [settings.USERNAME_AND_PASSWORD, 'username'],
    [notForSignIn, 'e-mail address'],
    [settings.EMAIL_AND_USERNAME, 'e-mail address or username'],
    [settings.EVERYTHING, 'e-mail address, phone number or username'],
  ]) {
    await engine.configure(document);
    const page = await visit(t, browser, engine);
    await page.getByRole('button', { name: 'Sign in' }).click();
    const label = await page.locator('label[for=field-identifier]').innerText();
    assert.equal(label, words[0].toUpperCase() + words.slice(1));
    await page.getByRole('button', { name: 'Continue' }).click();
    assert.equal(await page.locator('#field-identifier-error').innerText(), `Enter your ${words}.`);
  }
});

test('an account at a provider signs up, and who is known there signs in', { skip }, async (t) => {
  const provider = await startProvider(engine);
  t.after(() => provider.stop());
  await engine.configure({ ...settings.EMAIL_ONLY, ...provider.settings });
  provider.know('ada', { email: 'provider-page@example.com', email_verified: true });
  for (const _ of ['up', 'in']) {
    const page = await visit(t, browser, engine);
    await page.getByRole('button', { name: 'Continue with Acme' }).click();
    await logIn(page, 'ada');
    await page.getByRole('heading', { name: 'You are in' }).waitFor();
    assert.equal(await page.locator('#signed-in-e-mail').innerText(), 'provider-page@example.com');
  }
});

test('the page works with the keyboard alone', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const page = await visit(t, browser, engine);
  await page.locator('#field-email_address').focus();
  await page.keyboard.type('keys@example.com');
  await page.keyboard.press('Tab');
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByLabel('The code we sent to').waitFor();
  await page.waitForFunction(() => document.activeElement.id === 'field-code-email_address');
  await page.keyboard.type(await engine.code('keys@example.com'));
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
  await page.waitForFunction(() => document.activeElement.id === 'title');
});

async function newest(address, count) {
  await engine.code(address, count);
  return (await engine.messages(address)).slice(-count);
}
