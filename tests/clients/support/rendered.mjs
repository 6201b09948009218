// What people see of a site that renders its pages on the server. A session token lives for so short a time that the tests
// can wait for its end.

import assert from 'node:assert/strict';
import { backendOf } from './backend.mjs';
import { DEV_BROWSER_KEY, LIVE_KEY, publishableKey } from './engine.mjs';
import { PASSWORD, beginSignUp, finishSignUp, personFor } from './scenario.mjs';

/** In the engine's configuration: tokens as short as they can be. */
export const SHORT_TOKENS = '[session]\ntoken_ttl_s = 5\n';
/** After this time the packages take such a token for expired: they allow clocks to differ by five seconds. */
export const UNTIL_EXPIRED_MS = 11_000;

/** The kinds of keys: with `pk_test_` the server wants a dev browser, whether or not the pages have one. */
export const KEYS = {
  'pk_live_': LIVE_KEY,
  'pk_test_ and a host of its own': publishableKey('test', 'clerk.localhost'),
  'pk_test_ and a development host of Clerk': DEV_BROWSER_KEY,
};

/** A first visit, a sign-up, a return after the token has expired, a sign-out in another tab, and an end elsewhere. */
export async function rendersWhoIsSignedIn(t, { engine, origin, name }) {
  const person = await personFor(t);
  const { page, context } = person;
  const visits = watch(page, engine.url);
  const isTest = engine.publishableKey.startsWith('pk_test_');

  assert.equal(await shown(page, origin), 'nobody', 'a first visit');
  assert.equal(visits.take(), isTest ? 1 : 0, 'with a pk_test_ key a first visitor gets a dev browser');
  assert.equal(await shown(page, origin), 'nobody', 'a second visit');
  assert.equal(visits.take(), 0, 'nothing more to learn');

  const userId = await signUp(person, origin, engine, `${name}@example.com`);
  assert.equal(await shown(page, origin), userId, 'after the sign-up');
  visits.take();

  await later(UNTIL_EXPIRED_MS);
  assert.equal(await shown(page, `${origin}`), userId, 'after the token has expired');
  assert.equal(visits.take(), 1, 'the engine was asked once');
  assert.ok(!page.url().includes('__clerk'), page.url());

  const tab = await context.newPage();
  await tab.goto(`${origin}/app`);
  await loaded(tab);
  // Next.js leaves the page then.
  const over = tab.waitForResponse((answer) => /\/v1\/client\/sessions(\?|$)/.test(answer.url()));
  await tab.evaluate(() => void window.Clerk.signOut());
  await over;
  await withoutToken(context, origin);
  assert.equal(await shown(page, origin), 'nobody', 'after a sign-out in another tab');
  await tab.close();

  const again = await signUp(person, origin, engine, `${name}-again@example.com`);
  const { data: sessions } = await backendOf(engine).sessions.getSessionList({ userId: again });
  await page.goto('about:blank');
  await backendOf(engine).sessions.revokeSession(sessions[0].id);
  await later(UNTIL_EXPIRED_MS);
  assert.equal(await shown(page, origin), 'nobody', 'after the session was ended elsewhere');
  assert.deepEqual(person.strayRequests, []);
}

/** Signs up at the site's page with clerk-js; returns the user's id. */
export async function signUp({ page }, origin, engine, address) {
  await page.goto(`${origin}/app`);
  await loaded(page);
  await beginSignUp(page, address, PASSWORD);
  return finishSignUp(page, await engine.code(address));
}

/** Waits until the pages' scripts have taken the session token away, for at most five seconds. */
async function withoutToken(context, origin) {
  for (let n = 0; n < 100; n += 1) {
    const cookies = await context.cookies(origin);
    if (!cookies.some(({ name, value }) => name.startsWith('__session') && value)) return;
    await later(50);
  }
}

/** Waits for clerk-js. */
function loaded(page) {
  return page.waitForFunction(() => window.Clerk?.loaded);
}

/** Who is signed in, as the page without scripts says. */
export async function shown(page, origin) {
  const answer = await page.goto(`${origin}/plain?a=1`);
  assert.equal(answer.status(), 200, `${page.url()}: ${await answer.text()}`);
  assert.equal(new URL(page.url()).search, '?a=1');
  return page.locator('#user').innerText();
}

/** Counts the handshakes of a page. */
export function watch(page, engineUrl) {
  let count = 0;
  page.on('request', (request) => {
    if (request.url().startsWith(`${engineUrl}/v1/client/handshake?`)) count += 1;
  });
  return {
    take: () => {
      const taken = count;
      count = 0;
      return taken;
    },
  };
}

export function later(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
