// The prebuilt `<SignIn/>` of @clerk/ui: people who signed up come back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verify } from './support/backend.mjs';
import { headlessPage, signInPage } from './support/pages.mjs';
import { PASSWORD, beginSignUp, engine, finishSignUp, pages, personFor, signedIn, skip, startBeforeTests } from './support/scenario.mjs';
import * as settings from './support/settings.mjs';

startBeforeTests({
  prepare: (site) => {
    pages.show('/home', headlessPage(site));
    pages.show('/sign-in', signInPage(site));
  },
});

test('a user signs out and in again with the password', { skip }, async (t) => {
  const { page, userId } = await signedUp(t, 'ada@example.com');
  await page.evaluate(() => window.Clerk.signOut());
  await page.goto(`${pages.origin}/sign-in`);
  await identify(page, 'Ada@Example.com');
  await password(page, 'not the password');
  await page.locator('#error-password').filter({ hasText: 'That password is not right' }).waitFor();
  await password(page, PASSWORD);
  await page.waitForURL(`${pages.origin}/home`);
  const back = await signedIn(page);
  assert.equal(back.userId, userId);
  const claims = await verify(engine, back.token, { authorizedParties: [pages.origin] });
  assert.equal(claims.sub, userId);
});

test('a code by mail does as well', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_ONLY);
  const { page, userId } = await signedUp(t, 'bob@example.com', false);
  await page.evaluate(() => window.Clerk.signOut());
  await page.goto(`${pages.origin}/sign-in`);
  await identify(page, 'bob@example.com');
  const input = page.locator('input[data-input-otp]');
  await input.waitFor();
  await input.focus();
  await input.pressSequentially(await engine.code('bob@example.com', 2));
  await page.waitForURL(`${pages.origin}/home`);
  assert.equal((await signedIn(page)).userId, userId);
});

test('whoever is nobody reads so under the field', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const { page } = await personFor(t);
  await page.goto(`${pages.origin}/sign-in`);
  await identify(page, 'nobody@example.com');
  await page.locator('#error-identifier').filter({ hasText: 'There is no account' }).waitFor();
});

/** Somebody who has just signed up, without the components. */
async function signedUp(t, address, withPassword = true) {
  await engine.configure(withPassword ? settings.EMAIL_AND_PASSWORD : settings.EMAIL_ONLY);
  const { page } = await personFor(t);
  await page.goto(`${pages.origin}/home`);
  await beginSignUp(page, address, withPassword ? PASSWORD : null);
  const userId = await finishSignUp(page, await engine.code(address));
  return { page, userId };
}

async function identify(page, address) {
  const field = page.locator('input[name="identifier"]');
  await field.fill(address);
  await field.press('Enter');
}

async function password(page, value) {
  const field = page.locator('input[name="password"]:visible');
  await field.waitFor();
  await field.fill(value);
  await field.press('Enter');
}
