// A `pk_test_` key for one of Clerk's development hosts: clerk-js keeps a dev browser instead of a cookie.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verify } from './support/backend.mjs';
import { DEV_BROWSER_KEY } from './support/engine.mjs';
import { headlessPage } from './support/pages.mjs';
import { PASSWORD, beginSignUp, engine, finishSignUp, openSignUpForm, pages, personFor, skip, startBeforeTests } from './support/scenario.mjs';
import * as settings from './support/settings.mjs';

startBeforeTests({
  options: { key: DEV_BROWSER_KEY },
  prepare: (site) => pages.show('/app', headlessPage(site)),
});

test('a dev browser signs up, and its session outlives a reload', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const person = await personFor(t);
  const { page } = person;
  const calls = [];
  page.on('request', (request) => {
    if (request.url().startsWith(`${engine.url}/v1/`)) calls.push(new URL(request.url()));
  });
  await page.goto(`${pages.origin}/app`);
  await page.evaluate(() => window.ready);

  await beginSignUp(page, 'dev@example.com');
  const userId = await finishSignUp(page, await engine.code('dev@example.com'));
  const token = await page.evaluate(() => Clerk.session.getToken({ skipCache: true }));
  const claims = await verify(engine, token, { authorizedParties: [pages.origin] });
  assert.equal(claims.sub, userId);

  await page.reload();
  await page.evaluate(() => window.ready);
  assert.equal(await page.evaluate(() => Clerk.user?.id), userId);

  assert.equal(calls[0].pathname, '/v1/dev_browser');
  const undecorated = calls.filter((url) => url.pathname !== '/v1/dev_browser' && !url.searchParams.get('__clerk_db_jwt'));
  assert.deepEqual(undecorated.map(String), []);
  assert.equal(calls.filter((url) => url.pathname === '/v1/dev_browser').length, 1);
  assert.deepEqual(person.strayRequests, []);
});

test('a dev browser the engine does not know is replaced by a new one', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const { page, context } = await personFor(t);
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
  const { page, form } = await openSignUpForm(t);
  assert.equal((await form.beginWith('dev-form@example.com', PASSWORD)).status, 200);
  await form.enterCode(await engine.code('dev-form@example.com'));
  await page.waitForURL((url) => url.pathname === '/home');
  await page.evaluate(() => window.ready);
  assert.equal(await page.evaluate(() => Clerk.user?.primaryEmailAddress.emailAddress), 'dev-form@example.com');
});
