// A `pk_test_` key for one of Clerk's development hosts: clerk-js keeps a dev browser instead of a cookie.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verify } from './support/backend.mjs';
import { browserMissing, launchBrowser, newPerson } from './support/browser.mjs';
import { DEV_BROWSER_KEY, startEngine } from './support/engine.mjs';
import { headlessPage, signUpPage, startPages } from './support/pages.mjs';
import * as settings from './support/settings.mjs';
import { SignUpForm } from './support/sign_up_form.mjs';

const skip = browserMissing ?? false;
const PASSWORD = 'tide-glass-Lantern-47';

let browser;
let engine;
let pages;

before(async () => {
  if (skip) return;
  pages = await startPages();
  engine = await startEngine({ origins: [pages.origin], key: DEV_BROWSER_KEY });
  const site = { key: engine.publishableKey, proxyUrl: engine.url };
  pages.show('/app', headlessPage(site));
  pages.show('/home', headlessPage(site));
  pages.show('/join', signUpPage(site));
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await engine?.stop();
  await pages?.stop();
});

test('a dev browser signs up, and its session outlives a reload', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const person = await newPerson(browser);
  t.after(() => person.context.close());
  const { page } = person;
  const calls = [];
  page.on('request', (request) => {
    if (request.url().startsWith(`${engine.url}/v1/`)) calls.push(new URL(request.url()));
  });
  await page.goto(`${pages.origin}/app`);
  await page.evaluate(() => window.ready);

  await page.evaluate(async (password) => {
    const signUp = await Clerk.client.signUp.create({ emailAddress: 'dev@example.com', password });
    await signUp.prepareEmailAddressVerification({ strategy: 'email_code' });
  }, PASSWORD);
  const code = await engine.code('dev@example.com');
  const done = await page.evaluate(async (code) => {
    const signUp = await Clerk.client.signUp.attemptEmailAddressVerification({ code });
    await Clerk.setActive({ session: signUp.createdSessionId });
    return { userId: Clerk.user.id, token: await Clerk.session.getToken({ skipCache: true }) };
  }, code);
  const claims = await verify(engine, done.token, { authorizedParties: [pages.origin] });
  assert.equal(claims.sub, done.userId);

  await page.reload();
  await page.evaluate(() => window.ready);
  assert.equal(await page.evaluate(() => Clerk.user?.id), done.userId);

  assert.equal(calls[0].pathname, '/v1/dev_browser');
  const undecorated = calls.filter((url) => url.pathname !== '/v1/dev_browser' && !url.searchParams.get('__clerk_db_jwt'));
  assert.deepEqual(undecorated.map(String), []);
  assert.equal(calls.filter((url) => url.pathname === '/v1/dev_browser').length, 1);
  assert.deepEqual(person.strayRequests, []);
});

test('a dev browser the engine does not know is replaced by a new one', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const { page, context } = await newPerson(browser);
  t.after(() => context.close());
  await context.addCookies([{ name: '__clerk_db_jwt', value: 'dvb_unknown', url: pages.origin }]);
  await page.goto(`${pages.origin}/app`);
  await page.evaluate(() => window.ready);
  const created = await page.evaluate(async () => {
    const signUp = await Clerk.client.signUp.create({ emailAddress: 'stranger@example.com' });
    return signUp.missingFields;
  });
  assert.deepEqual(created, ['password']);
  const cookies = await context.cookies(pages.origin);
  const kept = cookies.filter(({ name }) => name.startsWith('__clerk_db_jwt')).map(({ value }) => value);
  assert.ok(kept.length > 0 && !kept.includes('dvb_unknown'), kept.join(' '));
});

test('the prebuilt form works with a dev browser', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const { page, context } = await newPerson(browser);
  t.after(() => context.close());
  const form = new SignUpForm(page);
  await form.open(`${pages.origin}/join`);
  await form.fill('emailAddress', 'dev-form@example.com');
  await form.fill('password', PASSWORD);
  assert.equal((await form.submit()).status, 200);
  await form.codeCard('email');
  await form.enterCode(await engine.code('dev-form@example.com'));
  await page.waitForURL((url) => url.pathname === '/home');
  await page.evaluate(() => window.ready);
  assert.equal(await page.evaluate(() => Clerk.user?.primaryEmailAddress.emailAddress), 'dev-form@example.com');
});
