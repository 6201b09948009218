// The prebuilt `<UserProfile/>` and `<UserButton/>` of @clerk/ui, as a signed-in person meets them.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startEngine } from './support/engine.mjs';
import { headlessPage, signUpPage } from './support/pages.mjs';
import { logIn, startProvider } from './support/provider.mjs';
import { PASSWORD, beginSignUp, browser, engine, finishSignUp, pages, personFor, siteOf, skip, startBeforeTests } from './support/scenario.mjs';
import { newPerson } from './support/browser.mjs';
import * as settings from './support/settings.mjs';

const NEW_PASSWORD = 'lantern-Glass-tide-74';

let provider;

startBeforeTests({
  prepare: async (site) => {
    provider = await startProvider(engine);
    await engine.configure(profileSettings());
    show(site);
    pages.show('/', headlessPage(site));
  },
});

after(() => provider?.stop());

test('the name and the username are changed', { skip }, async (t) => {
  const page = await profileOf(t, 'name@example.com');
  await open(page, 'profile');
  await page.locator('input[name="firstName"]').fill('Augusta');
  await page.locator('input[name="lastName"]').fill('King');
  await save(page);
  await page.getByText('Augusta King').first().waitFor();

  await open(page, 'username');
  await page.locator('input[name="username"]').fill('countess');
  await save(page);
  await section(page, 'username').getByText('countess').waitFor();
  const user = await seen(page);
  assert.deepEqual([user.firstName, user.lastName, user.username], ['Augusta', 'King', 'countess']);
});

test('an address is added, proved, made the primary one, and the other one removed', { skip }, async (t) => {
  const page = await profileOf(t, 'first@example.com');
  await open(page, 'emailAddresses');
  await page.locator('input[name="emailAddress"]').fill('second@example.com');
  await save(page);
  await typeCode(page, await engine.code('second@example.com'));
  await page.waitForFunction(() => Clerk.user.emailAddresses[1]?.verification.status === 'verified');

  await menu(page, 'emailAddresses', 'second@example.com', 'Set as primary');
  await page.waitForFunction(() => Clerk.user.primaryEmailAddress.emailAddress === 'second@example.com');
  await menu(page, 'emailAddresses', 'first@example.com', 'Remove email');
  await save(page);
  await page.waitForFunction(() => Clerk.user.emailAddresses.length === 1);
  assert.deepEqual((await seen(page)).emails, ['second@example.com verified']);
});

test('an address is proved by the link, opened in another tab', { skip }, async (t) => {
  const byLink = await startEngine({ origins: [pages.origin], settings: linkSettings() });
  t.after(() => byLink.stop());
  show(siteOf(byLink), '/links');
  const page = await profileOf(t, 'links@example.com', 1, { at: byLink, path: '/links' });
  await open(page, 'emailAddresses');
  await page.locator('input[name="emailAddress"]').fill('by-link@example.com');
  await save(page);
  const link = await byLink.link('by-link@example.com');
  assert.notEqual(await page.evaluate(() => Clerk.user.emailAddresses[1].verification?.status), 'verified');

  const second = await page.context().newPage();
  await second.goto(link);
  await second.waitForURL((url) => url.searchParams.get('__clerk_status') === 'verified' || url.hash.includes('verified'));
  await page.waitForFunction(() => Clerk.user.emailAddresses[1]?.verification.status === 'verified');
  await section(page, 'emailAddresses').getByText('by-link@example.com', { exact: true }).waitFor();
  assert.deepEqual((await seen(page)).emails, ['by-link@example.com verified', 'links@example.com verified']);
});

test('a number is added, proved and removed', { skip }, async (t) => {
  const page = await profileOf(t, 'number@example.com');
  await open(page, 'phoneNumbers');
  await page.locator('input[name="phoneNumber"]').fill('2025550144');
  await save(page);
  await typeCode(page, await engine.code('+12025550144'));
  await page.waitForFunction(() => Clerk.user.phoneNumbers[0]?.verification.status === 'verified');
  await section(page, 'phoneNumbers').locator('.cl-menuButton').first().click();
  await page.getByRole('menuitem', { name: 'Remove phone number' }).click();
  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await page.waitForFunction(() => Clerk.user.phoneNumbers.length === 0);
});

test('an account is connected and disconnected', { skip }, async (t) => {
  provider.know('profile', { email: 'elsewhere@example.com', email_verified: true });
  const page = await profileOf(t, 'account@example.com');
  await section(page, 'connectedAccounts').getByText('Connect account').click();
  await page.getByRole('menuitem', { name: /Acme/ }).click();
  await logIn(page, 'profile');
  await page.waitForURL((url) => url.pathname === '/profile');
  await page.waitForFunction(() => window.Clerk?.user?.externalAccounts[0]?.verification.status === 'verified');
  assert.deepEqual((await seen(page)).emails, ['account@example.com verified', 'elsewhere@example.com verified']);
  await section(page, 'connectedAccounts').locator('.cl-menuButton').first().click();
  await page.getByRole('menuitem', { name: 'Remove' }).click();
  await save(page);
  await page.waitForFunction(() => Clerk.user.externalAccounts.length === 0);
});

test('the password is changed, and the new one signs in', { skip }, async (t) => {
  const page = await profileOf(t, 'password@example.com');
  await tab(page, 'Security');
  await open(page, 'password');
  await page.locator('input[name="currentPassword"]').fill(PASSWORD);
  await page.locator('input[name="newPassword"]').fill(NEW_PASSWORD);
  await page.locator('input[name="confirmPassword"]').fill(NEW_PASSWORD);
  const answer = page.waitForResponse((response) => response.url().includes('/v1/me/change_password'));
  await save(page);
  assert.equal((await answer).status(), 200);
  const other = await personFor(t);
  await other.page.goto(`${pages.origin}/headless`);
  await signIn(other.page, 'password@example.com', NEW_PASSWORD);
});

test('another device is signed out', { skip }, async (t) => {
  const page = await profileOf(t, 'device@example.com');
  const other = await personFor(t);
  await other.page.goto(`${pages.origin}/headless`);
  await signIn(other.page, 'device@example.com', PASSWORD);
  await page.reload();
  await tab(page, 'Security');
  const devices = section(page, 'activeDevices');
  await devices.getByText('This device').waitFor();
  await devices.locator('.cl-menuButton').first().click();
  await page.getByRole('menuitem', { name: /Sign out/ }).click();
  await other.page.waitForFunction(async () => {
    await Clerk.client.reload().catch(() => {});
    return Clerk.client.sessions.length === 0;
  });
});

test('the account is deleted, and its address is free', { skip }, async (t) => {
  const page = await profileOf(t, 'gone@example.com');
  await tab(page, 'Security');
  await page.getByRole('button', { name: 'Delete account' }).first().click();
  await page.locator('input[name="deleteConfirmation"]').fill('Delete account');
  const answer = page.waitForResponse((response) => new URL(response.url()).pathname === '/v1/me');
  await page.locator('form').getByRole('button', { name: 'Delete account' }).click();
  assert.equal((await answer).status(), 200);
  await profileOf(t, 'gone@example.com', 2);
});

test('<UserButton/> shows the person, opens the profile and signs out', { skip }, async (t) => {
  const page = await profileOf(t, 'button@example.com');
  await page.goto(`${pages.origin}/button`);
  await page.locator('.cl-userButtonTrigger').click();
  await page.getByText('button@example.com').first().waitFor();
  await page.locator('.cl-userButtonPopoverActionButton__manageAccount').click();
  await page.locator('.cl-profileSection__emailAddresses').waitFor();
  await page.locator('.cl-modalCloseButton').click();
  await page.locator('.cl-userButtonTrigger').click();
  await page.locator('.cl-userButtonPopoverActionButton__signOut').click();
  await page.waitForURL(`${pages.origin}/`);
  await page.waitForFunction(() => window.Clerk?.loaded && !window.Clerk.user);
});

test('a sensitive change asks for the password again and then goes on', { skip }, async (t) => {
  const strict = await startEngine({
    origins: [pages.origin],
    settings: settings.EMAIL_AND_PASSWORD,
    more: '[session]\nreverification = true\n',
  });
  t.after(() => strict.stop());
  show(siteOf(strict), '/strict');
  const page = await profileOf(t, 'strict@example.com', 1, { at: strict, path: '/strict' });
  await strict.advance(660_000);
  await open(page, 'emailAddresses');
  await page.locator('input[name="emailAddress"]').fill('new@example.com');
  await save(page);
  const password = page.locator('input[name="password"]');
  await password.waitFor();
  await password.fill(PASSWORD);
  await password.press('Enter');
  await typeCode(page, await strict.code('new@example.com'));
  await page.waitForFunction(() => Clerk.user.emailAddresses.length === 2);
});

function profileSettings() {
  const { EMAIL_AND_PASSWORD } = settings;
  const optional = { enabled: true, required: false };
  return {
    ...EMAIL_AND_PASSWORD,
    ...provider.settings,
    attributes: {
      ...EMAIL_AND_PASSWORD.attributes,
      first_name: optional,
      last_name: optional,
      username: { ...optional, used_for_first_factor: true },
      phone_number: { ...optional, verifications: ['phone_code'] },
    },
    actions: { delete_self: true },
  };
}

/** New addresses are verified by links, and sign-ups by codes. */
function linkSettings() {
  const { EMAIL_AND_PASSWORD } = settings;
  const { email_address: email } = EMAIL_AND_PASSWORD.attributes;
  return {
    ...EMAIL_AND_PASSWORD,
    attributes: {
      ...EMAIL_AND_PASSWORD.attributes,
      email_address: { ...email, verifications: ['email_code', 'email_link'] },
    },
  };
}

/** The pages of an application with a profile. */
function show(site, prefix = '') {
  pages.show(`${prefix}/headless`, headlessPage(site));
  pages.show(`${prefix}/profile`, component(site, 'mountUserProfile'));
  pages.show(`${prefix}/button`, component(site, 'mountUserButton'));
}

function component(site, mount) {
  return signUpPage(site).replace(/Clerk\.mountSignUp\(.*\)\);/, `Clerk.${mount}(document.getElementById('app'), { routing: 'hash' }));`);
}

/** The profile of a person who has just signed up. */
async function profileOf(t, address, count = 1, { at = engine, path = '' } = {}) {
  const { page, context } = await newPerson(browser);
  t.after(() => context.close());
  await page.goto(`${pages.origin}${path}/headless`);
  await beginSignUp(page, address);
  await finishSignUp(page, await at.code(address, count));
  await page.goto(`${pages.origin}${path}/profile`);
  await page.locator('.cl-profileSection__emailAddresses').waitFor();
  return page;
}

function signIn(page, identifier, password) {
  return page.evaluate(
    async (parameters) => {
      await window.ready;
      const signIn = await window.Clerk.client.signIn.create(parameters);
      await window.Clerk.setActive({ session: signIn.createdSessionId });
    },
    { identifier, password },
  );
}

function section(page, name) {
  return page.locator(`.cl-profileSection__${name}`);
}

/** Opens the form of a section. */
async function open(page, name) {
  await section(page, name).locator(`.cl-profileSectionPrimaryButton__${name}`).click();
}

async function menu(page, name, text, item) {
  const row = section(page, name).locator('.cl-profileSectionItem').filter({ hasText: text });
  await row.locator('.cl-menuButton').click();
  await page.getByRole('menuitem', { name: item }).click();
}

function save(page) {
  return page.locator('.cl-formButtonPrimary:visible').click();
}

async function typeCode(page, code) {
  const input = page.locator('input[data-input-otp]');
  await input.waitFor();
  await input.focus();
  await input.pressSequentially(code);
  // The form goes when the engine has answered; until then it may close a menu that was opened meanwhile.
  await input.waitFor({ state: 'detached' });
}

async function tab(page, name) {
  await page.locator('.cl-navbarButton').filter({ hasText: name }).first().click();
}

function seen(page) {
  return page.evaluate(() => ({
    firstName: Clerk.user.firstName,
    lastName: Clerk.user.lastName,
    username: Clerk.user.username,
    emails: Clerk.user.emailAddresses.map(({ emailAddress, verification }) => `${emailAddress} ${verification.status}`).sort(),
  }));
}
