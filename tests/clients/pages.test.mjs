// The engine's own pages: a sign-up without any package, and the mailbox beside it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendOf } from './support/backend.mjs';
import { PASSWORD, engine, skip, startBeforeTests } from './support/own_page.mjs';
import { personFor } from './support/scenario.mjs';
import * as settings from './support/settings.mjs';

startBeforeTests();

test("the engine's own page signs a person up by every attribute, and out again", { skip }, async (t) => {
  await engine.configure(settings.EVERYTHING);
  const { page, pageErrors, strayRequests } = await visit(t, '/');

  await page.getByLabel('E-mail address').fill('page@example.com');
  await page.getByRole('button', { name: 'Sign up' }).click();
  assert.deepEqual(await list(page, 'missing_fields'), ['legal_accepted', 'password', 'phone_number', 'username']);
  assert.deepEqual(await list(page, 'unverified_fields'), ['email_address']);
  await page.reload();

  const code = await engine.code('page@example.com');
  await page.getByLabel('The code we sent to').fill(code === '000000' ? '111111' : '000000');
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.locator('#field-code-email_address-error').waitFor();
  await page.getByLabel('The code we sent to').fill(code);
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.locator('#unverified_fields.empty').waitFor();

  await page.getByLabel('Phone number').fill('+12025550145');
  await page.getByLabel('Username').fill('page_turner');
  await page.getByLabel('Password').fill('short');
  await page.getByLabel('I accept the terms').check();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.locator('#field-password-error').waitFor();
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Continue' }).click();

  await page.getByLabel('The code we texted to').fill(await engine.code('+12025550145'));
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
  assert.match(await page.locator('#signed-in-user').innerText(), /^user_/);
  assert.match(await page.locator('#signed-in-session').innerText(), /^sess_/);
  assert.equal(await page.locator('#status').innerText(), 'complete');

  await page.reload();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Create your account' }).waitFor();
  assert.deepEqual(strayRequests, []);
  assert.deepEqual(pageErrors, []);
});

test('where a link verifies the address, the engine\'s own page waits for it', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_BY_LINK);
  const { page, context } = await visit(t, '/');
  await page.getByLabel('E-mail address').fill('own-page@example.com');
  await page.getByRole('button', { name: 'Sign up' }).click();
  await page.getByText('Open the link we sent to own-page@example.com').waitFor();
  const second = await context.newPage();
  await second.goto(await engine.link('own-page@example.com'));
  for (const tab of [second, page]) await tab.getByRole('heading', { name: 'You are in' }).waitFor();
});

test('a taken address is named under its field on the engine\'s own page', { skip }, async (t) => {
  await engine.configure(settings.USERNAME_AND_PASSWORD);
  for (const expected of ['You are in', null]) {
    const { page } = await visit(t, '/');
    await page.getByLabel('Username').fill('only_one');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign up' }).click();
    if (expected) await page.getByRole('heading', { name: expected }).waitFor();
    else await page.locator('#field-username-error').waitFor();
  }
});

test('an invitation to nowhere in particular leads to the engine\'s own page', { skip }, async (t) => {
  await engine.configure(settings.BY_INVITATION);
  const made = await backendOf(engine).invitations.createInvitation({ emailAddress: 'invited-page@example.com' });
  const { page } = await visit(t, new URL(made.url).pathname + new URL(made.url).search);
  await page.getByText('A few things are still missing').waitFor();
  assert.equal(page.url(), `${engine.url}/`, 'the ticket is in no history');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
});

test('the mailbox shows a message soon after it was sent', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const mailbox = await visit(t, '/dev/mailbox');
  const { page } = await visit(t, '/');
  await page.getByLabel('E-mail address').fill('mailbox@example.com');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign up' }).click();
  const code = await engine.code('mailbox@example.com');

  const message = mailbox.page.locator('.message').filter({ hasText: 'mailbox@example.com' });
  await message.getByText(code, { exact: true }).waitFor();
  assert.deepEqual(mailbox.pageErrors, []);
});

async function visit(t, path) {
  const person = await personFor(t);
  const refused = [];
  person.page.on('console', (entry) => {
    if (/Content Security Policy/.test(entry.text())) refused.push(entry.text());
  });
  await person.page.goto(engine.url + path);
  assert.deepEqual(refused, []);
  return person;
}

async function list(page, name) {
  const entries = page.locator(`#${name} li`);
  await entries.first().waitFor();
  return (await entries.allInnerTexts()).sort();
}
