// Native mode: no cookies, the client token travels in `Authorization`. Needs no browser.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verify } from './support/backend.mjs';
import { startEngine } from './support/engine.mjs';
import { PASSWORD } from './support/scenario.mjs';
import * as settings from './support/settings.mjs';

let engine;

before(async () => {
  engine = await startEngine();
});

after(() => engine?.stop());

test('a native application signs up, calls on with the newest token and signs out', async () => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const app = new NativeApp(engine);

  const nobody = await app.call('GET', '/v1/client');
  assert.equal(nobody.response, null);

  const created = await app.call('POST', '/v1/client/sign_ups', {
    email_address: 'native@example.com',
    password: PASSWORD,
  });
  assert.deepEqual(created.response.unverified_fields, ['email_address']);
  const path = `/v1/client/sign_ups/${created.response.id}`;
  await app.call('POST', `${path}/prepare_verification`, { strategy: 'email_code' });
  const tokenBefore = app.token;

  const done = await app.call('POST', `${path}/attempt_verification`, {
    strategy: 'email_code',
    code: await engine.code('native@example.com'),
  });
  assert.equal(done.response.status, 'complete');
  assert.notEqual(app.token, tokenBefore);

  const session = done.response.created_session_id;
  const { jwt } = await app.call('POST', `/v1/client/sessions/${session}/tokens`, {});
  const claims = await verify(engine, jwt);
  assert.equal(claims.sid, session);
  assert.equal(claims.sub, done.response.created_user_id);

  await app.call('DELETE', '/v1/client/sessions');
  const left = await app.call('GET', '/v1/client');
  assert.deepEqual(left.response.sessions.filter(({ status }) => status === 'active'), []);
});

test('the real verbs and the tunnelled ones do the same', async () => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  for (const tunnelled of [false, true]) {
    const app = new NativeApp(engine);
    const created = await app.call('POST', '/v1/client/sign_ups', { email_address: `verbs-${tunnelled}@example.com` });
    assert.deepEqual(created.response.missing_fields, ['password']);
    const path = `/v1/client/sign_ups/${created.response.id}`;
    const patched = tunnelled
      ? await app.call('POST', `${path}?_method=PATCH`, { password: PASSWORD })
      : await app.call('PATCH', path, { password: PASSWORD });
    assert.deepEqual(patched.response.missing_fields, []);
  }
});

test('a native call that names an origin is refused', async () => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const response = await fetch(`${engine.url}/v1/client/sign_ups?_is_native=1`, {
    method: 'POST',
    headers: { Origin: engine.url, 'Content-Type': 'application/x-www-form-urlencoded' },
    body: '',
  });
  assert.equal(response.status, 400);
  const { errors } = await response.json();
  assert.equal(errors[0].code, 'origin_authorization_headers_conflict');
});

test('several wrong fields are reported together, each under its name', async () => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const app = new NativeApp(engine);
  const refused = await app.refusal('POST', '/v1/client/sign_ups', { email_address: 'nobody', password: 'short' });
  assert.equal(refused.status, 422);
  assert.match(refused.body.clerk_trace_id, /^[0-9a-f]{32}$/);
  const named = Object.fromEntries(refused.body.errors.map((error) => [error.meta.param_name, error.code]));
  assert.deepEqual(named, {
    email_address: 'form_param_format_invalid',
    password: 'form_password_length_too_short',
  });
});

class NativeApp {
  constructor(engine) {
    this.engine = engine;
    this.token = null;
  }

  async call(method, path, body) {
    const { status, body: answer } = await this.#send(method, path, body);
    assert.equal(status, 200, `${method} ${path}: ${status} ${JSON.stringify(answer)}`);
    return answer;
  }

  async refusal(method, path, body) {
    const answer = await this.#send(method, path, body);
    assert.ok(answer.status >= 400, `${method} ${path}: ${answer.status}`);
    return answer;
  }

  async #send(method, path, body) {
    const url = new URL(path, this.engine.url);
    url.searchParams.set('_is_native', '1');
    const response = await fetch(url, {
      method,
      headers: this.token ? { Authorization: this.token } : {},
      body: body && new URLSearchParams(body),
    });
    assert.equal(response.headers.get('set-cookie'), null);
    this.token = response.headers.get('authorization') ?? this.token;
    return { status: response.status, body: await response.json() };
  }
}
