// The prebuilt `<SignIn/>` of @clerk/ui: people who signed up come back.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verify } from './support/backend.mjs';
import { browserMissing, launchBrowser, newPerson } from './support/browser.mjs';
import { startEngine } from './support/engine.mjs';
import { headlessPage, signInPage, startPages } from './support/pages.mjs';
import * as settings from './support/settings.mjs';

const skip = browserMissing ?? false;
const PASSWORD = 'tide-glass-Lantern-47';

let browser;
let engine;
let pages;

before(async () => {
  if (skip) return;
  pages = await startPages();
  engine = await startEngine({ origins: [pages.origin] });
  browser = await launchBrowser();
  const at = { key: engine.publishableKey, proxyUrl: engine.url };
  pages.show('/home', headlessPage(at));
  pages.show('/sign-in', signInPage(at));
});

after(async () => {
  await browser?.close();
  await engine?.stop();
  await pages?.stop();
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
  const person = await newPerson(browser);
  t.after(() => person.context.close());
  await person.page.goto(`${pages.origin}/sign-in`);
  await identify(person.page, 'nobody@example.com');
  await person.page.locator('#error-identifier').filter({ hasText: 'There is no account' }).waitFor();
});

/** Somebody who has just signed up, without the components. */
async function signedUp(t, address, withPassword = true) {
  await engine.configure(withPassword ? settings.EMAIL_AND_PASSWORD : settings.EMAIL_ONLY);
  const person = await newPerson(browser);
  t.after(() => person.context.close());
  const { page } = person;
  await page.goto(`${pages.origin}/home`);
  await page.evaluate(
    async ([emailAddress, password]) => {
      await window.ready;
      const signUp = await window.Clerk.client.signUp.create({ emailAddress, ...(password && { password }) });
      await signUp.prepareEmailAddressVerification({ strategy: 'email_code' });
    },
    [address, withPassword ? PASSWORD : undefined],
  );
  const code = await engine.code(address);
  const userId = await page.evaluate(async (code) => {
    const done = await window.Clerk.client.signUp.attemptEmailAddressVerification({ code });
    await window.Clerk.setActive({ session: done.createdSessionId });
    return window.Clerk.user.id;
  }, code);
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

function signedIn(page) {
  return page.evaluate(async () => {
    await window.ready;
    return { userId: window.Clerk.user.id, token: await window.Clerk.session.getToken() };
  });
}
