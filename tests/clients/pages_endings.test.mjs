// Where ways end on the engine's own page: what is over, who does not answer, who must wait for others, and being in.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendOf } from './support/backend.mjs';
import { startEngine } from './support/engine.mjs';
import { PASSWORD, browser, engine, focused, forgetWaits, prove, reachCode, signUp, skip, startBeforeTests, visit } from './support/own_page.mjs';
import * as settings from './support/settings.mjs';

const DAY_MS = 86_400_000;

startBeforeTests();

test('a sign-up that was left alone, or is no more, begins again with what was typed', { skip }, async (t) => {
  // A moved clock stays moved: this test has an engine to itself.
  const later = await startEngine({ settings: settings.EMAIL_ONLY });
  t.after(() => later.stop());
  for (const meanwhile of [
    async (page) => { await later.advance(DAY_MS + 1_000); await page.reload(); },
    async (page) => { await later.advance(DAY_MS + 1_000); await prove(page, '000000'); },
    async (page) => { await page.context().clearCookies(); await prove(page, '000000'); },
  ]) {
    const page = await visit(t, browser, later);
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
  const page = await visit(t, browser, later);
  await reachCode(page, 'guesser@example.com');
  const right = await later.code('guesser@example.com');
  for (let guess = 0; guess < 5; guess += 1) {
    const judged = page.waitForResponse(/attempt_verification/);
    await prove(page, right === '000000' ? '111111' : '000000');
    await judged;
  }
  await page.getByText('Those were too many wrong codes.').waitFor();
  // That is said once, and nothing else beside it.
  assert.equal(await page.locator('#alert').innerText(), '');
  assert.equal(await page.locator('.error').count(), 0);
  await later.advance(31_000);
  await forgetWaits(page);
  await page.getByRole('button', { name: 'Send a new code' }).click();
  await prove(page, await later.code('guesser@example.com', 2));
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
});

test('a session that ended elsewhere is said to be over, with ways on', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_ONLY);
  const page = await visit(t, browser, engine);
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
  const page = await visit(t, browser, engine);
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
  const page = await visit(t, browser, engine);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await signUp(page, engine, 'done@example.com');
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

  await page.getByRole('button', { name: 'Sign up another (signs you out)' }).click();
  await page.getByRole('heading', { name: 'Create your account' }).waitFor();
  assert.equal(await page.getByLabel('E-mail address').inputValue(), '');
});

test('whoever waits for the waiting list, an invitation or the backend is told so, and goes on', { skip }, async (t) => {
  await engine.configure(settings.WITH_WAITLIST);
  const waiting = await visit(t, browser, engine);
  assert.equal(await waiting.locator('#view input').count(), 1, 'nobody fills in a form for nothing');
  await waiting.getByRole('button', { name: 'Join the waiting list' }).click();
  await waiting.getByText('Enter your e-mail address.').waitFor();
  await waiting.getByLabel('E-mail address').fill('later@example.com');
  await waiting.getByRole('button', { name: 'Join the waiting list' }).click();
  await waiting.getByRole('status').getByText('later@example.com is on the waiting list.').waitFor();

  await engine.configure(settings.BY_INVITATION);
  const uninvited = await visit(t, browser, engine);
  await uninvited.getByText('Only people who were invited can sign up here.').waitFor();
  assert.equal(await uninvited.locator('#view input').count(), 0, 'nobody fills in a form for nothing');
  await uninvited.getByRole('button', { name: 'Sign in' }).click();
  await uninvited.getByRole('button', { name: 'Who can sign up?' }).click();
  await uninvited.getByText('Only people who were invited can sign up here.').waitFor();

  await engine.configure(settings.WITH_CUSTOM_ACTION);
  const page = await visit(t, browser, engine);
  await page.getByLabel('E-mail address').fill('custom@example.com');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign up' }).click();
  await prove(page, await engine.code('custom@example.com'));
  await page.getByText('the backend of the application has the last word').waitFor();
  const id = await page.locator('#progress code').first().innerText();
  await backendOf(engine).signUps.update({ signUpAttemptId: id, customAction: true });
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
});

test('who starts over finds no trace of the sign-up before, on this page and on others', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_ONLY);
  const page = await visit(t, browser, engine);
  await reachCode(page, 'abandoned@example.com');
  await page.getByRole('button', { name: 'Start over' }).click();
  await page.getByLabel('E-mail address').fill('');
  const other = await page.context().newPage();
  await other.goto(engine.url);
  await page.reload();
  for (const shown of [page, other]) {
    await shown.getByRole('button', { name: 'Sign up' }).waitFor();
    assert.equal(await shown.locator('#progress').innerText(), 'No sign-up yet.');
    assert.equal(await shown.getByLabel('The code we sent to').count(), 0);
    assert.equal(await shown.getByLabel('E-mail address').inputValue(), '');
  }
  await reachCode(page, 'begun-again@example.com');
  await page.reload();
  await page.getByLabel('The code we sent to begun-again@example.com').waitFor();
});

test('whoever follows the link of a sign-up that was set aside goes on with it', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_BY_LINK_AND_PASSWORD);
  const page = await visit(t, browser, engine);
  await page.getByLabel('E-mail address').fill('second-thoughts@example.com');
  await page.getByRole('button', { name: 'Sign up' }).click();
  // Starting over is for somebody who has seen what comes next.
  const link = await engine.link('second-thoughts@example.com');
  await page.getByRole('button', { name: /Send again/ }).waitFor();
  await page.getByRole('button', { name: 'Start over' }).click();
  await page.getByRole('button', { name: 'Sign up' }).waitFor();
  const second = await page.context().newPage();
  await second.goto(link);
  await second.getByRole('status').getByText('Your address is verified.').waitFor();
  await second.getByLabel('Password').fill(PASSWORD);
  await second.getByRole('button', { name: 'Continue' }).click();
  await second.getByRole('heading', { name: 'You are in' }).waitFor();
});

test('a sign-up that another tab replaced is said to be over, with the other one to go on with', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_ONLY);
  const page = await visit(t, browser, engine);
  await reachCode(page, 'first-tab@example.com');
  const other = await page.context().newPage();
  await other.goto(engine.url);
  await other.getByRole('button', { name: 'Start over' }).click();
  await reachCode(other, 'second-tab@example.com');

  await prove(page, await engine.code('first-tab@example.com'));
  await page.getByRole('heading', { name: 'This is over' }).waitFor();
  assert.equal(await page.locator('#lead').innerText(), 'You began another sign-up in this browser, perhaps in another tab.');
  for (const name of ['Begin again', 'Sign in instead']) await page.getByRole('button', { name }).waitFor();
  await page.getByRole('button', { name: 'Go on with the other one' }).click();
  await prove(page, await engine.code('second-tab@example.com'));
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
});

test('a sign-in after too many wrong codes says so once, and sends a new one', { skip }, async (t) => {
  const later = await startEngine({ settings: settings.EMAIL_ONLY });
  t.after(() => later.stop());
  const first = await visit(t, browser, later);
  await reachCode(first, 'forgetful@example.com');
  await prove(first, await later.code('forgetful@example.com'));
  await first.getByRole('heading', { name: 'You are in' }).waitFor();
  await later.advance(60_000);

  const page = await visit(t, browser, later);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#field-identifier').fill('forgetful@example.com');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('button', { name: 'Send a code to forgetful@example.com' }).click();
  const right = await later.code('forgetful@example.com', 2);
  for (let guess = 0; guess < 5; guess += 1) {
    const judged = page.waitForResponse(/attempt_first_factor/);
    await prove(page, right === '000000' ? '111111' : '000000');
    await judged;
  }
  await page.getByText('Those were too many wrong codes.').waitFor();
  assert.equal(await page.locator('#alert').innerText(), '');
  assert.equal(await page.locator('.error').count(), 0);
  await page.getByRole('button', { name: /^Send a code to/ }).waitFor();
});
