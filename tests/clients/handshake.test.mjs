// What @clerk/backend makes of each state in which the cookies of a site can be, and where the handshake leaves them.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { backendOf } from './support/backend.mjs';
import { startEngine } from './support/engine.mjs';
import { KEYS, SHORT_TOKENS, UNTIL_EXPIRED_MS, later } from './support/rendered.mjs';
import { PASSWORD } from './support/scenario.mjs';
import * as settings from './support/settings.mjs';

const ORIGIN = 'http://localhost:3000';
const PAGE = `${ORIGIN}/members?a=1`;

describe('cookies of a site', { concurrency: true }, () => {
  for (const [kind, key] of Object.entries(KEYS)) {
    describe(kind, { concurrency: true }, () => {
      const isTest = key.startsWith('pk_test_');
      const suffix = createHash('sha1').update(key).digest('base64url').slice(0, 8);
      let engine;
      let ada;
      let eve;
      before(async () => {
        engine = await startEngine({ key, origins: [ORIGIN], settings: settings.EMAIL_AND_PASSWORD, more: SHORT_TOKENS });
        ada = await signUp(engine, 'ada@example.com');
        eve = await signUp(engine, 'eve@example.com');
        await backendOf(engine).sessions.revokeSession(eve.session);
        await later(UNTIL_EXPIRED_MS);
        ada.fresh = await token(engine, ada);
      });
      after(() => engine?.stop());

      // Without cookies a live key asks nobody; with a test key everybody without a dev browser is sent to the engine.
      const states = {
        'no cookies': () => ({ cookies: {}, isSignedIn: isTest, handshakes: isTest ? 1 : 0 }),
        'a valid token': () => ({ cookies: { __session: ada.fresh, __client_uat: ada.changedAt }, isSignedIn: true, handshakes: isTest ? 1 : 0 }),
        'a valid token, by a link from another site': () => ({
          cookies: { __session: ada.fresh, __client_uat: ada.changedAt },
          referer: 'https://search.example/',
          isSignedIn: true,
          handshakes: 1,
        }),
        'an expired token': () => ({ cookies: { __session: ada.token, __client_uat: ada.changedAt }, isSignedIn: true, handshakes: 1 }),
        'a time and no token': () => ({ cookies: { __client_uat: ada.changedAt }, isSignedIn: true, handshakes: 1 }),
        // The packages look at no cookie with a suffix where the time has none.
        'a token and no time': (set) => {
          const isSeen = isTest || set === 'plain';
          return { cookies: { __session: ada.fresh }, isSignedIn: isSeen, handshakes: isSeen ? 1 : 0 };
        },
        'a time that is later than the token': () => ({
          cookies: { __session: ada.fresh, __client_uat: String(claims(ada.fresh).iat + 1) },
          isSignedIn: true,
          handshakes: 1,
        }),
        'a session that was ended elsewhere': () => ({
          person: eve,
          cookies: { __session: eve.token, __client_uat: eve.changedAt },
          isSignedIn: false,
          handshakes: 1,
        }),
      };
      for (const [state, given] of Object.entries(states)) {
        for (const [set, nameOf] of [['plain', (name) => name], ['suffixed', (name) => `${name}_${suffix}`]]) {
          test(`${state}, ${set}: the page is rendered after at most one handshake`, async () => {
            const { person = ada, cookies, referer, isSignedIn, handshakes } = given(set);
            const jar = new Map(Object.entries(cookies).map(([name, value]) => [nameOf(name), value]));
            const seen = await visit(engine, jar, person.client, referer && { Referer: referer });
            assert.deepEqual([seen.isSignedIn, seen.handshakes], [isSignedIn, handshakes], seen.reasons.join());
            if (!isSignedIn) return;
            assert.equal(seen.userId, person.userId);
            const next = await visit(engine, jar, person.client);
            assert.deepEqual([next.isSignedIn, next.handshakes], [true, 0], next.reasons.join());
          });
        }
      }
    });
  }
});

/** Visits the page as a browser does: it follows redirects, and keeps cookies. */
async function visit(engine, jar, client, more = {}) {
  const clerk = backendOf(engine);
  const seen = { handshakes: 0, reasons: [] };
  let url = PAGE;
  for (let step = 0; step < 9; step += 1) {
    const request = new Request(url, { headers: { ...more, Accept: 'text/html', Cookie: line(jar), 'Sec-Fetch-Dest': 'document' } });
    const state = await clerk.authenticateRequest(request, { proxyUrl: engine.url });
    seen.reasons.push(`${state.status} ${state.reason}`);
    keep(jar, state.headers);
    const location = state.headers.get('location');
    if (!location) {
      assert.equal(url, PAGE, 'nothing of the handshake is left in the URL');
      jar.delete('__clerk_redirect_count');
      const { isAuthenticated, userId } = state.toAuth();
      return { ...seen, isSignedIn: isAuthenticated, userId };
    }
    if (!location.startsWith(`${engine.url}/v1/client/handshake?`)) {
      url = location;
      continue;
    }
    seen.handshakes += 1;
    // Site and engine are both on this host, so the browser sends the same cookies to both.
    const answer = await fetch(location, { redirect: 'manual', headers: { Cookie: line(new Map([...jar, ['__client', client]])) } });
    assert.equal(answer.status, 307, `${location}: ${await answer.text()}`);
    keep(jar, answer.headers);
    url = answer.headers.get('location');
  }
  throw new Error(`in circles: ${seen.reasons.join()}`);
}

function line(jar) {
  return [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
}

/** Keeps what an answer sets; the counter of redirects among it, which ends after two seconds. */
function keep(jar, headers) {
  for (const set of headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(set);
    if (/; Max-Age=0\b/i.test(set)) jar.delete(name);
    else jar.set(name, value);
  }
}

/** Signs up as clerk-js does. */
async function signUp(engine, address) {
  let client = '';
  let changedAt = '';
  const post = async (path, form) => {
    const headers = { Origin: ORIGIN, 'Content-Type': 'application/x-www-form-urlencoded', Cookie: `__client=${client}` };
    const answer = await fetch(engine.url + path, { method: 'POST', headers, body: new URLSearchParams(form) });
    for (const set of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set);
      if (name === '__client') client = value;
      if (name === '__client_uat') changedAt = value;
    }
    assert.equal(answer.status, 200, await answer.clone().text());
    return (await answer.json()).response;
  };
  const { id } = await post('/v1/client/sign_ups', { email_address: address, password: PASSWORD });
  await post(`/v1/client/sign_ups/${id}/prepare_verification`, { strategy: 'email_code' });
  const code = await engine.code(address);
  const done = await post(`/v1/client/sign_ups/${id}/attempt_verification`, { strategy: 'email_code', code });
  const person = { client, changedAt, userId: done.created_user_id, session: done.created_session_id };
  return { ...person, token: await token(engine, person) };
}

async function token(engine, { client, session }) {
  const headers = { Origin: ORIGIN, Cookie: `__client=${client}` };
  const answer = await fetch(`${engine.url}/v1/client/sessions/${session}/tokens`, { method: 'POST', headers });
  return (await answer.json()).jwt;
}

function claims(jwt) {
  return JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'));
}
