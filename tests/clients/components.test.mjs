// The prebuilt `<SignUp/>` of @clerk/ui, as a person meets it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verify } from './support/backend.mjs';
import { startEngine } from './support/engine.mjs';
import { PASSWORD, engine, openSignUpForm, otherThan, pages, signedIn, skip, startBeforeTests } from './support/scenario.mjs';
import * as settings from './support/settings.mjs';

const TEN_MINUTES = 600_000;

startBeforeTests();

test('typing an e-mail address, a password and the code signs a person up', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const { page, form, person } = await openSignUpForm(t);

  await form.fill('emailAddress', 'Typed@Example.com');
  await form.fill('password', PASSWORD);
  const created = await form.submit();
  assert.equal(created.status, 200);
  assert.equal(created.body.response.email_address, 'typed@example.com');
  await form.codeCard('email');
  const attempted = await form.enterCode(await engine.code('typed@example.com'));
  assert.equal(attempted.body.response.status, 'complete');

  const { userId, token } = await home(page);
  const claims = await verify(engine, token, { authorizedParties: [pages.origin] });
  assert.equal(claims.sub, userId);
  assert.deepEqual(person.strayRequests, []);
  assert.deepEqual(person.pageErrors, []);
});

test('a wrong code is named under the code field, and the right one still works', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const { page, form } = await openSignUpForm(t);
  const right = await reachCodeCard(form, engine, 'wrong@example.com');

  const refused = await form.enterCode(otherThan(right));
  assert.equal(refused.status, 422);
  assert.equal(refused.body.errors[0].code, 'form_code_incorrect');
  assert.equal(refused.body.errors[0].meta.param_name, 'code');
  await form.seeErrorOnCodeCard(refused.body.errors[0].long_message);

  assert.equal((await form.enterCode(right)).status, 200);
  await home(page);
});

test('after five wrong codes the person is told, and even the right one is refused', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const { form } = await openSignUpForm(t);
  const right = await reachCodeCard(form, engine, 'guesser@example.com');

  for (let guess = 1; guess <= 5; guess += 1) {
    const refused = await form.enterCode(otherThan(right));
    assert.equal(refused.body.errors?.[0].code, 'form_code_incorrect', `guess ${guess}`);
  }
  const refused = await form.enterCode(right);
  assert.equal(refused.status, 400);
  assert.equal(refused.body.errors[0].code, 'verification_failed');
  await form.seeErrorOnCodeCard(refused.body.errors[0].long_message);
});

test('an expired code is named as expired, and a fresh one finishes the sign-up', { skip }, async (t) => {
  // A moved clock stays moved: this test has an engine to itself.
  const later = await startEngine({ origins: [pages.origin], settings: settings.EMAIL_AND_PASSWORD });
  t.after(() => later.stop());
  const { page, form } = await openSignUpForm(t, later);
  const stale = await reachCodeCard(form, later, 'late@example.com');

  await later.advance(TEN_MINUTES + 1_000);
  const refused = await form.enterCode(stale);
  assert.equal(refused.status, 400);
  assert.equal(refused.body.errors[0].code, 'verification_expired');
  await form.seeErrorOnCodeCard(refused.body.errors[0].long_message);

  await page.reload();
  await form.codeCard('email');
  const fresh = await later.code('late@example.com', 2);
  assert.equal((await form.enterCode(fresh)).body.response.status, 'complete');
});

test('a taken address is named under the address field', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const first = await openSignUpForm(t);
  const code = await reachCodeCard(first.form, engine, 'taken@example.com');
  assert.equal((await first.form.enterCode(code)).body.response.status, 'complete');

  const { form } = await openSignUpForm(t);
  await form.fill('emailAddress', 'TAKEN@example.com');
  await form.fill('password', PASSWORD);
  const refused = await form.submit();
  assert.equal(refused.status, 422);
  assert.equal(refused.body.errors[0].code, 'form_identifier_exists');
  assert.equal(refused.body.errors[0].meta.param_name, 'email_address');
  await form.seeErrorUnder('emailAddress', refused.body.errors[0].long_message);
});

test('the form asks for consent to the terms and sends it', { skip }, async (t) => {
  await engine.configure(settings.WITH_LEGAL_CONSENT);
  const { page, form } = await openSignUpForm(t);

  await form.fill('emailAddress', 'consent@example.com');
  await form.fill('password', PASSWORD);
  await form.check('legalAccepted');
  const created = await form.submit();
  assert.equal(created.status, 200);
  assert.ok(created.body.response.required_fields.includes('legal_accepted'));
  assert.equal(typeof created.body.response.legal_accepted_at, 'number');
  await form.codeCard('email');
  await form.enterCode(await engine.code('consent@example.com'));

  await home(page);
  assert.ok(await page.evaluate(() => Clerk.user.legalAcceptedAt instanceof Date));
});

test('phone and e-mail are verified one card after the other, with a reload between them', { skip }, async (t) => {
  await engine.configure(settings.PHONE_EMAIL_AND_USERNAME);
  const { page, form } = await openSignUpForm(t);

  await form.fill('emailAddress', 'both@example.com');
  await form.fill('username', 'both_of_them');
  await form.fill('phoneNumber', '2025550144');
  const created = await form.submit();
  assert.equal(created.body.response?.phone_number, '+12025550144', JSON.stringify(created.body));

  const unverified = new Set(created.body.response.unverified_fields);
  assert.deepEqual(unverified, new Set(['email_address', 'phone_number']));
  for (const _ of [1, 2]) {
    await page.waitForURL(/verify-(email-address|phone-number)/);
    const kind = page.url().includes('verify-email-address') ? 'email' : 'phone';
    await form.codeCard(kind);
    const address = kind === 'email' ? 'both@example.com' : '+12025550144';
    const code = await engine.code(address);
    await page.reload();
    await form.codeCard(kind);
    const attempted = await form.enterCode(code);
    assert.equal(attempted.status, 200);
    unverified.delete(kind === 'email' ? 'email_address' : 'phone_number');
    assert.deepEqual(attempted.body.response.unverified_fields, [...unverified]);
    if (unverified.size) await page.waitForURL(kind === 'email' ? /verify-phone-number/ : /verify-email-address/);
  }

  await home(page);
  assert.equal((await engine.messages('both@example.com')).length, 1);
  assert.equal((await engine.messages('+12025550144')).length, 1);
});

async function reachCodeCard(form, at, address) {
  await form.beginWith(address, PASSWORD);
  return at.code(address);
}

/** Waits for the page a signed-up person is sent to. */
async function home(page) {
  await page.waitForURL(`${pages.origin}/home`);
  const seen = await signedIn(page);
  assert.match(seen.userId, /^user_/);
  return seen;
}
