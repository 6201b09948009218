// Links by e-mail: `<SignUp/>` waits in one tab while the link is opened in another, here and elsewhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verify } from './support/backend.mjs';
import { cookieHeader } from './support/browser.mjs';
import { DEV_BROWSER_KEY, startEngine } from './support/engine.mjs';
import { engine, openSignUpForm, pages, personFor, signedIn, skip, startBeforeTests } from './support/scenario.mjs';
import * as settings from './support/settings.mjs';

const TEN_MINUTES = 600_000;

startBeforeTests();

test('the link, opened in a second tab of the same browser, signs the person in', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_BY_LINK);
  const { page, person, link } = await waitForLink(t, 'tabs@example.com');

  const second = await person.context.newPage();
  await second.goto(link);
  await second.waitForURL(`${pages.origin}/home`);
  const inSecond = await signedIn(second);
  const claims = await verify(engine, inSecond.token, { authorizedParties: [pages.origin] });
  assert.equal(claims.sub, inSecond.userId);

  // The first tab says that it was heard, holds the session, and uses it when it is next loaded.
  await page.getByText('Successfully verified email').waitFor();
  const inFirst = await page.evaluate(() => window.Clerk.client.sessions.map(({ user }) => user.id));
  assert.deepEqual(inFirst, [inSecond.userId]);
  await page.goto(`${pages.origin}/home`);
  assert.equal((await signedIn(page)).userId, inSecond.userId);
  assert.deepEqual(person.strayRequests, []);
  assert.deepEqual(person.pageErrors, []);
});

test('a question of the waiting tab that the link overtook is asked again', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_BY_LINK);
  const { page, person, link } = await waitForLink(t, 'race@example.com');

  const refused = [];
  page.on('response', (response) => {
    if (response.url().includes('/client/sign_ups/') && response.status() >= 400) refused.push(response.status());
  });
  const before = await cookieHeader(person.context, engine.url);
  const id = await page.evaluate(() => window.Clerk.client.signUp.id);
  const second = await person.context.newPage();
  await second.goto(link);
  await second.waitForURL(`${pages.origin}/home`);
  const late = await fetch(`${engine.url}/v1/client/sign_ups/${id}?__clerk_api_version=2026-08-20`, {
    headers: { Cookie: before, Origin: pages.origin },
    redirect: 'manual',
  });
  assert.equal(late.status, 307);
  const asked = await page.evaluate(
    async (url) => (await fetch(url, { credentials: 'include' })).json(),
    new URL(late.headers.get('location'), late.url).href,
  );
  assert.equal(asked.response.status, 'complete');
  await page.getByText('Successfully verified email').waitFor();
  assert.deepEqual(refused, []);

  // The browser follows by itself, and with the token from before it learns nothing there either.
  const old = before.split('; ').find((pair) => pair.startsWith('__client=')).slice('__client='.length);
  await person.context.addCookies([{ name: '__client', value: old, domain: 'localhost', path: '/', httpOnly: true }]);
  const followed = await page.evaluate(async (url) => {
    const response = await fetch(url, { credentials: 'include' });
    return { status: response.status, redirected: response.redirected };
  }, `${engine.url}/v1/client/sign_ups/${id}`);
  assert.deepEqual(followed, { status: 404, redirected: true });
});

test('another browser is turned away and changes nothing', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_BY_LINK);
  const { page, link, address } = await waitForLink(t, 'mismatch@example.com');

  const other = await personFor(t);
  const clicked = other.page.waitForResponse((response) => response.url() === link);
  await other.page.goto(link);
  const landed = new URL((await clicked).headers().location);
  assert.equal(landed.origin, pages.origin);
  assert.equal(landed.searchParams.get('__clerk_status'), 'client_mismatch');
  await other.page.getByText('Verification link is invalid for this device').waitFor();
  assert.equal(await other.page.evaluate(() => window.Clerk.user), null);
  const waiting = await page.evaluate(async () => {
    const signUp = await window.Clerk.client.signUp.reload();
    return { status: signUp.status, verification: signUp.verifications.emailAddress.status };
  });
  assert.deepEqual(waiting, { status: 'missing_requirements', verification: 'unverified' });
  assert.equal((await engine.messages(address)).length, 1);
});

test('without the rule a scanner changes nothing and a button elsewhere finishes the first tab', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_BY_LINK_ANYWHERE);
  const { page, link } = await waitForLink(t, 'anywhere@example.com');

  for (const method of ['GET', 'HEAD', 'GET']) {
    const scanned = await fetch(link, { method, redirect: 'manual' });
    assert.equal(scanned.status, 200, method);
    assert.equal(scanned.headers.get('set-cookie'), null);
  }
  const before = await page.evaluate(async () => (await window.Clerk.client.signUp.reload()).status);
  assert.equal(before, 'missing_requirements');

  const other = await personFor(t);
  const requests = [];
  other.page.on('request', (request) => requests.push(request.url()));
  await other.page.goto(link);
  const button = other.page.getByRole('button');
  await button.waitFor();
  assert.deepEqual(requests.filter((url) => !url.endsWith('/favicon.ico')), [link]);
  assert.deepEqual(other.pageErrors, []);
  await button.click();
  await other.page.waitForURL((url) => url.origin === pages.origin);

  await page.waitForURL(`${pages.origin}/home`);
  const { userId, token } = await signedIn(page);
  const claims = await verify(engine, token, { authorizedParties: [pages.origin] });
  assert.equal(claims.sub, userId);
  await other.page.waitForFunction(() => window.Clerk?.loaded);
  assert.equal(await other.page.evaluate(() => window.Clerk.user), null);
});

test('an expired link is named as expired in both tabs', { skip }, async (t) => {
  // A moved clock stays moved: this test has an engine to itself.
  const later = await startEngine({ origins: [pages.origin], settings: settings.EMAIL_BY_LINK });
  t.after(() => later.stop());
  const { page, person, link } = await waitForLink(t, 'late@example.com', later);

  await later.advance(TEN_MINUTES + 1_000);
  await page.getByText('verification link expired').waitFor();
  const second = await person.context.newPage();
  await second.goto(link);
  await second.getByText('This verification link has expired').waitFor();
});

test('with a dev browser the link works in the browser that asked for it', { skip }, async (t) => {
  const origins = [pages.origin];
  const development = await startEngine({ origins, key: DEV_BROWSER_KEY, settings: settings.EMAIL_BY_LINK });
  t.after(() => development.stop());
  const { person, link } = await waitForLink(t, 'dev@example.com', development);

  const second = await person.context.newPage();
  await second.goto(link);
  await second.waitForURL((url) => url.origin === pages.origin && url.pathname === '/home');
  assert.match((await signedIn(second)).userId, /^user_/);
});

/** Fills the form in and waits until the link card is there and the mail has come. */
async function waitForLink(t, address, at = engine) {
  const { person, page, form } = await openSignUpForm(t, at);
  await form.fill('emailAddress', address);
  assert.equal((await form.submit()).status, 200);
  await page.waitForURL((url) => url.hash.includes('verify-email-address'));
  const link = await at.link(address);
  assert.ok(link.startsWith(`${at.url}/v1/verify?token=`), link);
  return { page, person, link, address };
}
