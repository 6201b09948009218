// Sites that render their pages on the server, with @clerk/express, @clerk/fastify and @clerk/hono.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startEngine } from './support/engine.mjs';
import { KEYS, SHORT_TOKENS, UNTIL_EXPIRED_MS, later, rendersWhoIsSignedIn, shown, signUp } from './support/rendered.mjs';
import { personFor, skip, startBeforeTests } from './support/scenario.mjs';
import { environmentOf, startSite } from './support/site.mjs';
import * as settings from './support/settings.mjs';

const FRAMEWORKS = ['express', 'fastify', 'hono'];

startBeforeTests({ withPages: false, withEngine: false });

describe('sites', { skip, concurrency: true }, () => {
  for (const [kind, key] of Object.entries(KEYS)) {
    describe(kind, { concurrency: true }, () => {
      const sites = {};
      let engine;
      before(async () => {
        engine = await startEngine({ key, settings: settings.EMAIL_AND_PASSWORD, more: SHORT_TOKENS });
        await Promise.all(
          FRAMEWORKS.map(async (name) => {
            sites[name] = await startSite(name, environmentOf(engine));
          }),
        );
      });
      after(async () => {
        await Promise.all(Object.values(sites).map((site) => site.stop()));
        await engine?.stop();
      });
      for (const name of FRAMEWORKS) {
        test(`${name} renders who is signed in`, (t) => rendersWhoIsSignedIn(t, { engine, origin: sites[name].origin, name }));
      }
    });
  }

  test('what is too large to be carried is fetched by the server with a nonce', async (t) => {
    const more = `${SHORT_TOKENS}handshake_bytes_max = 0\n`;
    const engine = await startEngine({ settings: settings.EMAIL_AND_PASSWORD, more });
    t.after(() => engine.stop());
    const site = await startSite('express', environmentOf(engine));
    t.after(() => site.stop());
    const person = await personFor(t);
    const userId = await signUp(person, site.origin, engine, 'nonce@example.com');
    await person.page.goto('about:blank');
    await later(UNTIL_EXPIRED_MS);
    const answers = [];
    person.page.on('response', (answer) => {
      if (answer.url().includes('/v1/client/handshake?')) answers.push(answer);
    });
    assert.equal(await shown(person.page, site.origin), userId);
    assert.match(await answers[0].headerValue('set-cookie'), /^__clerk_handshake_nonce=[\w-]{43};/);
    assert.ok(!(await person.context.cookies(site.origin)).some(({ name }) => name.startsWith('__clerk_handshake')));
  });

  for (const name of FRAMEWORKS) {
    test(`${name} passes on what is below a path, and has the engine at its own origin`, async (t) => {
      const engine = await startEngine({ settings: settings.EMAIL_AND_PASSWORD, more: SHORT_TOKENS });
      t.after(() => engine.stop());
      const site = await startSite(name, { ...environmentOf(engine, '/__clerk'), PROXY: '1' });
      t.after(() => site.stop());
      const { origin } = site;
      const person = await personFor(t);
      const asked = [];
      person.page.on('request', (request) => asked.push(request.url()));
      const userId = await signUp(person, origin, engine, 'proxied@example.com');
      await person.page.goto('about:blank');
      await later(UNTIL_EXPIRED_MS);
      assert.equal(await shown(person.page, origin), userId);
      assert.ok(asked.some((url) => url.startsWith(`${origin}/__clerk/v1/client/handshake?`)), asked.join('\n'));
      assert.deepEqual(asked.filter((url) => !url.startsWith(origin)), []);

      const health = await fetch(`${origin}/__clerk/v1/proxy-health`, { headers: { 'X-Real-IP': '198.51.100.7' } });
      assert.deepEqual([health.status, await health.json()], [200, { status: 'healthy', x_forwarded_for: '198.51.100.7' }]);
      const wrong = await fetch(`${engine.url}/v1/environment`, { headers: { 'Clerk-Secret-Key': 'sk_live_no' } });
      assert.deepEqual([wrong.status, (await wrong.json()).errors[0].code], [401, 'proxy_request_invalid_secret_key']);
    });
  }
});
