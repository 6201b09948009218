// Passkeys with the unmodified packages of Clerk, on a virtual device of the browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headlessPage, signInPage, signUpPage } from './support/pages.mjs';
import { beginSignUp, browser, engine, finishSignUp, pages, skip, startBeforeTests } from './support/scenario.mjs';
import { newPerson } from './support/browser.mjs';
import * as settings from './support/settings.mjs';

startBeforeTests({
  prepare: async (site) => {
    await engine.configure(passkeySettings());
    pages.show('/headless', headlessPage(site));
    pages.show('/home', headlessPage(site));
    pages.show('/profile', profilePage(site));
    pages.show('/sign-in', signInPage(site));
  },
});

test('<UserProfile/> adds, renames and removes a passkey', { skip }, async (t) => {
  const { page } = await personWithDevice(t, 'profile@example.com');
  await page.goto(`${pages.origin}/profile`);
  await page.locator('.cl-navbarButton').filter({ hasText: 'Security' }).first().click();
  const section = page.locator('.cl-profileSection__passkeys');
  await section.getByText('Add a passkey').click();
  await page.waitForFunction(() => Clerk.user.passkeys.length === 1);
  const [added] = await seen(page);
  assert.equal(added.status, 'verified');
  await section.getByText(added.name).waitFor();

  await section.locator('.cl-menuButton').first().click();
  await page.getByRole('menuitem', { name: 'Rename' }).click();
  await page.locator('input[name="passkeyName"]').fill('My telephone');
  await page.locator('.cl-formButtonPrimary:visible').click();
  await section.getByText('My telephone').waitFor();
  // The form is gone a moment later; its button looks like that of the next one.
  await page.locator('input[name="passkeyName"]').waitFor({ state: 'detached' });
  assert.equal((await seen(page))[0].name, 'My telephone');

  await section.locator('.cl-menuButton').first().click();
  await page.getByRole('menuitem', { name: 'Remove' }).click();
  await page.locator('.cl-formButtonPrimary:visible').click();
  await page.waitForFunction(() => Clerk.user.passkeys.length === 0);
});

test('<SignIn/> signs in by its button for passkeys', { skip }, async (t) => {
  const { page } = await personWithDevice(t, 'button@example.com');
  await page.evaluate(() => Clerk.user.createPasskey());
  await signOut(page);
  await page.goto(`${pages.origin}/sign-in`);
  await page.getByText('Use passkey instead').click();
  await page.waitForURL((url) => url.pathname.startsWith('/home'));
  await page.waitForFunction(() => window.Clerk?.user?.primaryEmailAddress?.emailAddress === 'button@example.com');
  assert.notEqual((await seen(page))[0].lastUsedAt, null);
});

test('<SignIn/> asks for the passkey of the person who gave an identifier', { skip }, async (t) => {
  const { page } = await personWithDevice(t, 'named@example.com');
  await page.evaluate(() => Clerk.user.createPasskey());
  await signOut(page);
  await page.goto(`${pages.origin}/sign-in`);
  await page.locator('input[name="identifier"]').fill('named@example.com');
  await page.locator('.cl-formButtonPrimary:visible').click();
  await page.getByText('Use your passkey').first().waitFor();
  await page.locator('.cl-formButtonPrimary:visible').click();
  await page.waitForURL((url) => url.pathname.startsWith('/home'));
  await page.waitForFunction(() => window.Clerk?.user?.primaryEmailAddress?.emailAddress === 'named@example.com');
});

test('a page of its own adds a passkey and signs in with it', { skip }, async (t) => {
  const { page, device } = await personWithDevice(t, 'custom@example.com');
  const made = await page.evaluate(async () => {
    const passkey = await Clerk.user.createPasskey();
    return { id: passkey.id, status: passkey.verification.status };
  });
  assert.equal(made.status, 'verified');
  const again = await page.evaluate(() => Clerk.user.createPasskey().then(() => null, (error) => error.code));
  assert.equal(again, 'passkey_already_exists', 'the device knows that it has one');
  assert.equal((await seen(page)).length, 1, 'and the attempt was taken back');

  await signOut(page);
  const discovered = await page.evaluate(async () => {
    const signIn = await Clerk.client.signIn.authenticateWithPasskey({ flow: 'discoverable' });
    await Clerk.setActive({ session: signIn.createdSessionId });
    return { status: signIn.status, user: Clerk.user.primaryEmailAddress.emailAddress };
  });
  assert.deepEqual(discovered, { status: 'complete', user: 'custom@example.com' });

  await signOut(page);
  const named = await page.evaluate(async () => {
    const signIn = await Clerk.client.signIn.create({ identifier: 'custom@example.com' });
    const done = await signIn.authenticateWithPasskey();
    return done.status;
  });
  assert.equal(named, 'complete');

  await page.reload();
  await page.evaluate(() => window.ready);
  await signOut(page);
  await device.forget();
  const other = await page.evaluate(async () => {
    const signIn = await Clerk.client.signIn.create({ identifier: 'custom@example.com' });
    return signIn.supportedFirstFactors.map(({ strategy }) => strategy).sort();
  });
  assert.ok(other.includes('passkey') && other.includes('password'), other.join());
});

test('a passkey proves who the person is again, and is removed by its own call', { skip }, async (t) => {
  const { page } = await personWithDevice(t, 'again@example.com');
  const done = await page.evaluate(async () => {
    const passkey = await Clerk.user.createPasskey();
    await Clerk.session.startVerification({ level: 'first_factor' });
    const verified = await Clerk.session.verifyWithPasskey();
    await passkey.update({ name: 'Key' });
    const names = Clerk.user.passkeys.map(({ name }) => name);
    await passkey.delete();
    return { status: verified.status, names, left: Clerk.user.passkeys.length };
  });
  assert.deepEqual(done, { status: 'complete', names: ['Key'], left: 0 });
});

function passkeySettings() {
  const { EMAIL_AND_PASSWORD } = settings;
  return {
    ...EMAIL_AND_PASSWORD,
    attributes: { ...EMAIL_AND_PASSWORD.attributes, passkey: { enabled: true, used_for_first_factor: true } },
    // A virtual device answers the offer of the browser at once, before the button is there.
    passkey_settings: { allow_autofill: false, show_sign_in_button: true },
  };
}

function profilePage(site) {
  return signUpPage(site).replace(
    /Clerk\.mountSignUp\(.*\)\);/,
    `Clerk.mountUserProfile(document.getElementById('app'), { routing: 'hash' }));`,
  );
}

/** A person who has just signed up, at a page of their own, with a device that keeps passkeys. */
async function personWithDevice(t, address) {
  const { page, context } = await newPerson(browser);
  t.after(() => context.close());
  // Clerk's packages offer no passkeys to a browser that says that a program drives it.
  await context.addInitScript(() => Object.defineProperty(navigator, 'webdriver', { value: false }));
  const session = await context.newCDPSession(page);
  await session.send('WebAuthn.enable');
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  await page.goto(`${pages.origin}/headless`);
  await beginSignUp(page, address);
  await finishSignUp(page, await engine.code(address));
  await page.waitForFunction(() => window.Clerk?.user);
  const device = { forget: () => session.send('WebAuthn.clearCredentials', { authenticatorId }) };
  return { page, context, device };
}

async function signOut(page) {
  await page.evaluate(() => Clerk.signOut());
  await page.goto(`${pages.origin}/headless`);
  await page.evaluate(() => window.ready);
}

function seen(page) {
  return page.evaluate(() =>
    Clerk.user.passkeys.map(({ name, verification, lastUsedAt }) => ({ name, status: verification.status, lastUsedAt })),
  );
}
