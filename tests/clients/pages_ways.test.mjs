// The engine's own page when things do not go straight: mistakes, waits, endings, outages. Each has a way on.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browserMissing, launchBrowser, newPerson } from './support/browser.mjs';
import { startEngine } from './support/engine.mjs';
import { startProvider, logIn } from './support/provider.mjs';
import * as settings from './support/settings.mjs';

const skip = browserMissing ?? false;
const PASSWORD = 'tide-glass-Lantern-47';
const DAY_MS = 86_400_000;

let browser;
let engine;

before(async () => {
  if (skip) return;
  engine = await startEngine();
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await engine?.stop();
});

test('an empty submit says under each field what it wants, and goes to the first', { skip }, async (t) => {
  await engine.configure(settings.WITH_LEGAL_CONSENT);
  const page = await visit(t);
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
  const page = await visit(t);
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
  const page = await visit(t);
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
  const page = await visit(t);
  await reachCode(page, 'pasted@example.com');
  const code = await engine.code('pasted@example.com');
  await page.getByLabel('The code we sent to').fill(` ${code.slice(0, 3)} ${code.slice(3)} `);
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
});

test('after a message the next one counts down, and a refusal names its seconds', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_ONLY);
  const page = await visit(t);
  await reachCode(page, 'again@example.com');
  const again = page.getByRole('button', { name: /^Send again/ });
  assert.match(await again.innerText(), /^Send again in (30|2\d) s$/);
  assert.ok(await again.isDisabled());
  // Who loads the page anew is told by the engine.
  await page.reload();
  await again.click();
  await page.locator('#alert').getByText(/A message was sent a moment ago\. You can try again in \d+ seconds?\./).waitFor();
  assert.match(await again.innerText(), /^Send again in \d+ s$/);
  assert.equal(await page.locator('#field-code-email_address').getAttribute('aria-invalid'), 'false');
});

test('when the wait is over the button works again and the alert is gone', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_ONLY);
  const page = await visit(t);
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
  const first = await visit(t);
  await signUp(first, 'known@example.com');
  for (const way of ['password', 'code']) {
    const page = await visit(t);
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
  const first = await visit(t);
  await reachCode(first, 'wanted@example.com');
  // Two begin with the same address; the second to prove it comes too late.
  const second = await visit(t);
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
  const page = await visit(t);
  await reachCode(page, 'mitsyped@example.com');
  await page.getByRole('button', { name: 'Use another address' }).click();
  assert.equal(await focused(page), 'field-email_address');
  assert.equal(await page.getByLabel('E-mail address').inputValue(), 'mitsyped@example.com');
  await page.getByLabel('E-mail address').fill('mistyped@example.com');
  await page.getByRole('button', { name: 'Continue' }).click();
  await prove(page, await engine.code('mistyped@example.com'));
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
});

test('a sign-up that was left alone, or is no more, begins again with what was typed', { skip }, async (t) => {
  // A moved clock stays moved: this test has an engine to itself.
  const later = await startEngine({ settings: settings.EMAIL_ONLY });
  t.after(() => later.stop());
  for (const meanwhile of [
    async (page) => { await later.advance(DAY_MS + 1_000); await page.reload(); },
    async (page) => { await later.advance(DAY_MS + 1_000); await prove(page, '000000'); },
    async (page) => { await page.context().clearCookies(); await prove(page, '000000'); },
  ]) {
    const page = await visit(t, '/', later);
    await reachCode(page, 'slow@example.com');
    await meanwhile(page);
    await page.getByRole('heading', { name: 'This is over' }).waitFor();
    assert.notEqual(await page.locator('#lead').innerText(), '');
    await page.getByRole('button', { name: 'Begin again' }).click();
    assert.equal(await page.getByLabel('E-mail address').inputValue(), 'slow@example.com');
    await later.advance(60_000);
    await page.getByRole('button', { name: 'Sign up' }).click();
    await page.getByLabel('The code we sent to').waitFor();
  }
});

test('after too many wrong codes a new one is offered', { skip }, async (t) => {
  const later = await startEngine({ settings: settings.EMAIL_ONLY });
  t.after(() => later.stop());
  const page = await visit(t, '/', later);
  await reachCode(page, 'guesser@example.com');
  const right = await later.code('guesser@example.com');
  for (let guess = 0; guess < 5; guess += 1) {
    const judged = page.waitForResponse(/attempt_verification/);
    await prove(page, right === '000000' ? '111111' : '000000');
    await judged;
  }
  await page.getByText('That were too many wrong codes.').waitFor();
  await later.advance(31_000);
  await page.reload();
  await page.getByRole('button', { name: 'Send a new code' }).click();
  await prove(page, await later.code('guesser@example.com', 2));
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
});

test('a session that ended elsewhere is said to be over, with ways on', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_ONLY);
  const page = await visit(t);
  await reachCode(page, 'elsewhere@example.com');
  await prove(page, await engine.code('elsewhere@example.com'));
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
  const other = await page.context().newPage();
  await other.goto(engine.url);
  await other.getByRole('button', { name: 'Sign out' }).click();
  await other.getByText('You are signed out.').waitFor();
  await page.getByRole('button', { name: 'New token' }).click();
  await page.getByRole('heading', { name: 'This is over' }).waitFor();
  await page.getByRole('button', { name: 'Sign in instead' }).click();
  assert.equal(await focused(page), 'field-identifier');
});

test('an engine that does not answer is named, and asked again', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_ONLY);
  const page = await visit(t);
  await page.getByLabel('E-mail address').fill('patience@example.com');
  await page.route('**/v1/**', (route) => route.abort());
  await page.getByRole('button', { name: 'Sign up' }).click();
  await page.getByText('The engine did not answer.').waitFor();
  assert.equal(await page.getByLabel('E-mail address').inputValue(), 'patience@example.com');
  await page.reload();
  await page.getByText('The engine did not answer.').waitFor();
  await page.unroute('**/v1/**');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByLabel('E-mail address').waitFor();
  await page.getByRole('alert').waitFor({ state: 'hidden' });
  await page.context().setOffline(true);
  await page.getByLabel('E-mail address').fill('patience@example.com');
  await page.getByRole('button', { name: 'Sign up' }).click();
  await page.getByText('This device is offline.').waitFor();
  await page.context().setOffline(false);
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator('#unverified_fields').getByText('email_address').waitFor();
});

test('whoever is in has the token, proof of it, and what to do next', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const page = await visit(t);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await signUp(page, 'done@example.com');
  assert.equal(await page.locator('#signed-in-e-mail').innerText(), 'done@example.com');
  const user = await page.locator('#signed-in-user').innerText();
  await page.getByRole('button', { name: 'Copy session token' }).click();
  const token = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(token, await page.locator('#token').innerText());
  const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
  assert.equal(claims.sub, user);

  await page.getByRole('button', { name: 'Verify it' }).click();
  await page.locator('#proof').getByText(`this is ${user}`).waitFor();
  await page.getByRole('button', { name: 'New token' }).click();
  await page.locator('#proof:empty').waitFor({ state: 'attached' });
  await page.getByRole('button', { name: 'Ask /v1/me' }).click();
  assert.equal(JSON.parse(await page.locator('#me').innerText()).id, user);
  assert.equal(await page.locator('#curl').innerText(), `curl ${engine.url}/v1/jwks`);

  await page.getByRole('button', { name: 'Sign up another' }).click();
  await page.getByRole('heading', { name: 'Create your account' }).waitFor();
  assert.equal(await page.getByLabel('E-mail address').inputValue(), '');
});

test('an account at a provider signs up, and who is known there signs in', { skip }, async (t) => {
  const provider = await startProvider(engine);
  t.after(() => provider.stop());
  await engine.configure({ ...settings.EMAIL_ONLY, ...provider.settings });
  provider.know('ada', { email: 'provider-page@example.com', email_verified: true });
  for (const _ of ['up', 'in']) {
    const page = await visit(t);
    await page.getByRole('button', { name: 'Continue with Acme' }).click();
    await logIn(page, 'ada');
    await page.getByRole('heading', { name: 'You are in' }).waitFor();
    assert.equal(await page.locator('#signed-in-e-mail').innerText(), 'provider-page@example.com');
  }
});

test('the page works with the keyboard alone', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const page = await visit(t);
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

async function visit(t, path = '/', at = engine) {
  const { context, page, pageErrors } = await newPerson(browser);
  t.after(async () => {
    await context.close();
    assert.deepEqual(pageErrors, []);
  });
  await page.goto(at.url + path);
  await page.locator('#view input, #view button').first().waitFor();
  return page;
}

async function reachCode(page, address) {
  await page.getByLabel('E-mail address').fill(address);
  await page.getByRole('button', { name: 'Sign up' }).click();
  await page.getByLabel('The code we sent to').waitFor();
}

async function signUp(page, address) {
  await page.getByLabel('E-mail address').fill(address);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign up' }).click();
  await page.getByLabel('The code we sent to').waitFor();
  await prove(page, await engine.code(address));
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
}

async function prove(page, code) {
  await page.getByLabel('The code we sent to').fill(code);
  await page.getByRole('button', { name: 'Verify' }).click();
}

async function newest(address, count) {
  await engine.code(address, count);
  return (await engine.messages(address)).slice(-count);
}

function focused(page) {
  return page.evaluate(() => document.activeElement.id);
}
