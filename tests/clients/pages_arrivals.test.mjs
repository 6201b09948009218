// How people arrive at the engine's own page: from a link in a mail, by an invitation, and where the instance has a logo.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { backendOf } from './support/backend.mjs';
import { startEngine } from './support/engine.mjs';
import { PASSWORD, browser, engine, signUp, skip, startBeforeTests, visit } from './support/own_page.mjs';
import * as settings from './support/settings.mjs';

const LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20"/></svg>';

startBeforeTests();

test('every status that a link may end with is told about, and leaves no trace in the address', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_BY_LINK);
  for (const [status, text, title] of [
    ['sign_up', 'You were invited.', 'Create your account'],
    ['sign_in', 'You have an account already: sign in.', 'Sign in'],
    ['complete', 'You are signed in already: that link has done its work.', 'Create your account'],
    ['verified', 'Your address is verified.', 'Create your account'],
    ['expired', 'That link has expired.', 'Create your account'],
    ['revoked', 'That invitation was taken back.', 'Create your account'],
    ['failed', 'That link is wrong, or was used already.', 'Create your account'],
    ['client_mismatch', 'Open the link in the browser in which you began', 'Create your account'],
    ['transferable', 'The address of that link has an account already', 'Sign in'],
  ]) {
    const page = await visit(t, browser, engine, `/?__clerk_status=${status}`);
    await page.getByRole('status').getByText(text).waitFor();
    assert.equal(await page.locator('#title').innerText(), title, status);
    assert.equal(page.url(), `${engine.url}/`);
  }
});

test('a status that no engine sends is told nothing about', { skip }, async (t) => {
  for (const status of ['', 'constructor', '__proto__', 'SIGN_IN']) {
    const page = await visit(t, browser, engine, `/?__clerk_status=${status}`);
    assert.equal(await page.locator('#notice').isVisible(), false, status);
    assert.equal(page.url(), `${engine.url}/`);
  }
});

test('whoever comes by the link of a sign-in token is in, once', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const backend = backendOf(engine);
  const user = await backend.users.createUser({ emailAddress: ['token@example.com'], password: PASSWORD });
  const { url } = await backend.signInTokens.createSignInToken({ userId: user.id, expiresInSeconds: 600 });
  const path = new URL(url).pathname + new URL(url).search;
  const page = await visit(t, browser, engine, path);
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
  assert.equal(page.url(), `${engine.url}/`);
  await page.goto(engine.url + path);
  await page.getByRole('status').getByText('You are signed in already').waitFor();
  const other = await visit(t, browser, engine, path);
  await other.getByRole('status').getByText('You have an account already: sign in.').waitFor();
});

test('whoever is invited reads as whom, and whoever was signs in', { skip }, async (t) => {
  await engine.configure(settings.BY_INVITATION);
  const made = await backendOf(engine).invitations.createInvitation({ emailAddress: 'guest@example.com' });
  const path = new URL(made.url).pathname + new URL(made.url).search;
  const page = await visit(t, browser, engine, path);
  const lead = 'You were invited as guest@example.com. A few things are still missing: password.';
  for (const _ of ['at once', 'later']) {
    await page.locator('#lead').getByText(lead).waitFor();
    await page.reload();
  }
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'You are in' }).waitFor();

  await page.goto(engine.url + path);
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
  await page.getByRole('status').getByText('You are signed in already: that link has done its work.').waitFor();

  const elsewhere = await visit(t, browser, engine, path);
  await elsewhere.getByRole('heading', { name: 'Sign in' }).waitFor();
  await elsewhere.getByRole('status').getByText('You have an account already: sign in.').waitFor();
});

test('whoever is in as somebody else reads that the invited account is another one', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  await signUp(await visit(t, browser, engine), engine, 'host@example.com');
  const page = await visit(t, browser, engine);
  await signUp(page, engine, 'other-guest@example.com');
  await page.goto(`${engine.url}/?__clerk_status=sign_in`);
  await page.getByRole('status').getByText('The account of that address is another one.').waitFor();
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
});

test('the logo of the instance is shown, from where it is', { skip }, async (t) => {
  const server = createServer((_, response) => response.writeHead(200, { 'Content-Type': 'image/svg+xml' }).end(LOGO));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const instance = `logo_url = "http://localhost:${server.address().port}/logo.svg"`;
  const branded = await startEngine({ instance, settings: settings.EMAIL_ONLY });
  t.after(() => branded.stop());
  for (const path of ['/', '/dev/mailbox']) {
    const page = await visit(t, browser, branded, path);
    await page.waitForFunction(() => document.getElementById('logo').naturalWidth > 0);
    assert.ok(await page.locator('#logo').isVisible(), path);
  }
  const plain = await visit(t, browser, engine);
  assert.equal(await plain.locator('#logo').isVisible(), false);
});
