// Accounts at a provider: a real one, with its own pages, before, between and behind Clerk's.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { verify } from './support/backend.mjs';
import { headlessPage, html, signUpPage } from './support/pages.mjs';
import { cancel, logIn, startProvider } from './support/provider.mjs';
import { engine, pages, personFor, skip, startBeforeTests } from './support/scenario.mjs';
import * as settings from './support/settings.mjs';

let provider;

startBeforeTests({
  prepare: async (site) => {
    provider = await startProvider(engine);
    pages.show('/headless', headlessPage(site));
    pages.show('/home', headlessPage(site));
    pages.show('/sign-up', signUpPage(site));
    pages.show('/sso-callback', callbackPage(site));
  },
});

after(() => provider?.stop());

test('authenticateWithRedirect goes there and comes back signed in', { skip }, async (t) => {
  await engine.configure({ ...settings.EMAIL_AND_PASSWORD, ...provider.settings });
  provider.know('ada', { email: 'Ada@Example.com', email_verified: true, given_name: 'Ada' });
  const { page } = await personFor(t);
  await page.goto(`${pages.origin}/headless`);
  await begin(page);
  await logIn(page, 'ada');
  await page.waitForURL(`${pages.origin}/home`);

  const { token, user } = await signedIn(page);
  assert.equal(user.email, 'ada@example.com');
  assert.equal(user.verification, 'from_oauth_custom_acme');
  assert.deepEqual(user.accounts, ['custom_acme']);
  const claims = await verify(engine, token, { authorizedParties: [pages.origin] });
  assert.equal(claims.sub, user.id);
});

test('the button of <SignUp/> does the same', { skip }, async (t) => {
  await engine.configure({ ...settings.EMAIL_AND_PASSWORD, ...provider.settings });
  provider.know('bob', { email: 'bob@example.com', email_verified: true });
  const { page } = await personFor(t);
  await page.goto(`${pages.origin}/sign-up`);
  await page.getByRole('button', { name: /Acme/ }).click();
  await logIn(page, 'bob');
  await page.waitForURL(`${pages.origin}/home`);
  assert.equal((await signedIn(page)).user.email, 'bob@example.com');
});

test('<SignUp/> asks afterwards for what the provider does not know', { skip }, async (t) => {
  await engine.configure({ ...settings.EMAIL_AND_USERNAME, ...provider.settings });
  provider.know('cleo', { email: 'cleo@example.com', email_verified: true });
  const { page } = await personFor(t);
  await page.goto(`${pages.origin}/sign-up`);
  await page.getByRole('button', { name: /Acme/ }).click();
  await logIn(page, 'cleo');
  await page.waitForURL((url) => url.hash.includes('continue'));
  const username = page.locator('input[name="username"]');
  await username.fill('cleopatra');
  await username.press('Enter');
  await page.waitForURL(`${pages.origin}/home`);
  const { user } = await signedIn(page);
  assert.equal(user.username, 'cleopatra');
  assert.equal(user.email, 'cleo@example.com');
});

test('an address that the provider does not vouch for gets a code', { skip }, async (t) => {
  await engine.configure({ ...settings.EMAIL_AND_PASSWORD, ...provider.settings });
  provider.know('dan', { email: 'dan@example.com', email_verified: false });
  const { page } = await personFor(t);
  await page.goto(`${pages.origin}/sign-up`);
  await page.getByRole('button', { name: /Acme/ }).click();
  await logIn(page, 'dan');
  await page.waitForURL((url) => url.hash.includes('verify-email-address'));
  const input = page.locator('input[data-input-otp]');
  await input.waitFor();
  await input.focus();
  await input.pressSequentially(await engine.code('dan@example.com'));
  await page.waitForURL(`${pages.origin}/home`);
  assert.equal((await signedIn(page)).user.verification, 'email_code');
});

test('whoever cancels there reads so and can begin anew', { skip }, async (t) => {
  await engine.configure({ ...settings.EMAIL_AND_PASSWORD, ...provider.settings });
  const { page } = await personFor(t);
  await page.goto(`${pages.origin}/sign-up`);
  await page.getByRole('button', { name: /Acme/ }).click();
  await cancel(page);
  await page.locator('.cl-alertText').filter({ hasText: /access/i }).waitFor();
  provider.know('eve', { email: 'eve@example.com', email_verified: true });
  await page.getByRole('button', { name: /Acme/ }).click();
  await logIn(page, 'eve');
  await page.waitForURL(`${pages.origin}/home`);
});

test('whoever signs up with an account they have is signed in', { skip }, async (t) => {
  await engine.configure({ ...settings.EMAIL_AND_PASSWORD, ...provider.settings });
  provider.know('fay', { email: 'fay@example.com', email_verified: true });
  const { page: first } = await personFor(t);
  await first.goto(`${pages.origin}/headless`);
  await begin(first);
  await logIn(first, 'fay');
  await first.waitForURL(`${pages.origin}/home`);

  const { page: second } = await personFor(t);
  await second.goto(`${pages.origin}/headless`);
  await begin(second);
  await logIn(second, 'fay');
  await second.waitForURL(`${pages.origin}/home`);
  assert.equal((await signedIn(second)).user.id, (await signedIn(first)).user.id);
});

test('whoever signs in with an account that nobody has is signed up', { skip }, async (t) => {
  await engine.configure({ ...settings.EMAIL_AND_PASSWORD, ...provider.settings });
  provider.know('gus', { email: 'gus@example.com', email_verified: true });
  const { page } = await personFor(t);
  await page.goto(`${pages.origin}/headless`);
  await begin(page, 'signIn');
  await logIn(page, 'gus');
  await page.waitForURL(`${pages.origin}/home`);
  const { user } = await signedIn(page);
  assert.equal(user.email, 'gus@example.com');
  assert.deepEqual(user.accounts, ['custom_acme']);
});

function begin(page, attempt = 'signUp') {
  return page.evaluate(async (attempt) => {
    await window.ready;
    window.Clerk.client[attempt].authenticateWithRedirect({
      strategy: 'oauth_custom_acme',
      redirectUrl: '/sso-callback',
      redirectUrlComplete: '/home',
    });
  }, attempt);
}

function signedIn(page) {
  return page.evaluate(async () => {
    await window.ready;
    const { user } = window.Clerk;
    return {
      token: await window.Clerk.session.getToken(),
      user: {
        id: user.id,
        username: user.username,
        email: user.primaryEmailAddress.emailAddress,
        verification: user.primaryEmailAddress.verification.strategy,
        accounts: user.externalAccounts.map(({ provider }) => provider),
      },
    };
  });
}

/** The page that an application without components comes back to. */
function callbackPage({ key, proxyUrl }) {
  return html(`
    <script src="/npm/@clerk/clerk-js/dist/clerk.browser.js" data-clerk-publishable-key="${key}"
      data-clerk-proxy-url="${proxyUrl}"></script>
    <script>
      window.ready = Clerk.load({ telemetry: false })
        .then(() => Clerk.handleRedirectCallback({
          signUpUrl: '/sign-up',
          signInUrl: '/sign-in',
          signInForceRedirectUrl: '/home',
          signUpForceRedirectUrl: '/home',
        }));
    </script>`);
}
