// Users and sessions: the application's server with @clerk/backend.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendOf, verify } from './support/backend.mjs';
import { engine, startBeforeTests } from './support/scenario.mjs';
import * as settings from './support/settings.mjs';

/** The password of BCRYPT. */
const PASSWORD = 'wanders under elms';
const BCRYPT = '$2b$04$abcdefghijklmnopqrstuuGJu8VHVrrDdSneajL7N2c3G/5GiSaAy';

let backend;

startBeforeTests({
  needsBrowser: false,
  withPages: false,
  prepare: async () => {
    backend = backendOf(engine);
    await engine.configure(settings.EMAIL_PASSWORD_AND_NAME);
  },
});

test('users are created, read, listed, counted, changed and deleted', async () => {
  const made = await backend.users.createUser({
    emailAddress: ['Ada@Example.com'],
    externalId: 'customer 7',
    passwordDigest: BCRYPT,
    passwordHasher: 'bcrypt',
    publicMetadata: { plan: 'gold', seats: { used: 1, free: 2 } },
    privateMetadata: { innerKey: true },
    createdAt: new Date('2020-02-29T12:00:00.250Z'),
  });
  assert.equal(made.primaryEmailAddress.emailAddress, 'ada@example.com');
  assert.equal(made.primaryEmailAddress.verification.status, 'verified');
  assert.equal(made.createdAt, Date.UTC(2020, 1, 29, 12, 0, 0, 250));
  assert.equal(made.passwordEnabled, true);
  const read = await backend.users.getUser(made.id);
  assert.deepEqual([read.externalId, read.privateMetadata], ['customer 7', { innerKey: true }]);

  const bob = await backend.users.createUser({ emailAddress: ['bob@example.com'], password: PASSWORD });
  const { data, totalCount } = await backend.users.getUserList({ orderBy: '+created_at', limit: 100 });
  assert.deepEqual([totalCount, data.map(({ id }) => id)], [2, [made.id, bob.id]]);
  const some = await backend.users.getUserList({ emailAddress: ['bob@example.com', 'eve@example.com'] });
  assert.deepEqual([some.totalCount, some.data.map(({ id }) => id)], [1, [bob.id]]);
  assert.equal(await backend.users.getCount({ query: 'EXAMPLE' }), 2);

  const named = await backend.users.updateUser(made.id, { firstName: 'Ada', publicMetadata: { plan: 'silver' } });
  assert.deepEqual([named.firstName, named.publicMetadata], ['Ada', { plan: 'silver' }]);
  const merged = await backend.users.updateUserMetadata(made.id, {
    publicMetadata: { plan: null, seats: { used: 3 } },
    privateMetadata: { innerKey: false },
  });
  assert.deepEqual([merged.publicMetadata, merged.privateMetadata], [{ seats: { used: 3 } }, { innerKey: false }]);

  const { deleted, id } = await backend.users.deleteUser(made.id);
  assert.deepEqual([deleted, id], [true, made.id]);
  await rejects(backend.users.getUser(made.id), 404, 'resource_not_found');
  await backend.users.deleteUser(bob.id);
  assert.equal(await backend.users.getCount(), 0);
});

test('refusals keep their codes and the names of their parameters', async () => {
  const made = await backend.users.createUser({ emailAddress: ['taken@example.com'], password: PASSWORD });
  const error = await rejects(
    backend.users.createUser({ emailAddress: ['taken@example.com'], password: PASSWORD }),
    422,
    'form_identifier_exists',
  );
  assert.equal(error.errors[0].meta.paramName, 'email_address');
  assert.deepEqual(await backend.users.verifyPassword({ userId: made.id, password: PASSWORD }), { verified: true });
  const wrong = backend.users.verifyPassword({ userId: made.id, password: 'something else' });
  await rejects(wrong, 422, 'incorrect_password');
  await backend.users.deleteUser(made.id);
});

test('a banned user gets no more tokens', async () => {
  const user = await backend.users.createUser({
    emailAddress: ['eve@example.com'],
    passwordDigest: BCRYPT,
    passwordHasher: 'bcrypt',
  });
  const person = await signIn('eve@example.com');
  assert.equal((await person.token()).status, 200);
  assert.equal((await backend.users.banUser(user.id)).banned, true);
  assert.equal((await person.token()).status, 401);
  const refused = await post('/v1/client/sign_ins', { identifier: 'eve@example.com', password: PASSWORD });
  assert.equal((await refused.json()).errors[0].code, 'user_banned');

  assert.equal((await backend.users.unbanUser(user.id)).banned, false);
  const back = await signIn('eve@example.com');
  assert.equal((await back.token()).status, 200);
  await backend.users.deleteUser(user.id);
  assert.equal((await back.token()).status, 401);
});

test('sessions are listed, give tokens, and are revoked', async () => {
  const user = await backend.users.createUser({ emailAddress: ['mae@example.com'], password: PASSWORD });
  const person = await signIn('mae@example.com');
  const { data, totalCount } = await backend.sessions.getSessionList({ userId: user.id, status: 'active' });
  assert.deepEqual([totalCount, data[0].id, data[0].userId], [1, person.session, user.id]);
  const { jwt } = await backend.sessions.getToken(person.session);
  assert.equal((await verify(engine, jwt)).sub, user.id);
  assert.equal((await backend.sessions.revokeSession(person.session)).status, 'revoked');
  assert.equal((await backend.sessions.getSession(person.session)).status, 'revoked');
  assert.equal((await person.token()).status, 401);
  await backend.users.deleteUser(user.id);
});

test('addresses are added, marked and removed by their ids', async () => {
  const user = await backend.users.createUser({ emailAddress: ['ida@example.com'], password: PASSWORD });
  const work = await backend.emailAddresses.createEmailAddress({
    userId: user.id,
    emailAddress: 'Ida@Work.example.com',
    verified: true,
    primary: true,
  });
  assert.deepEqual([work.emailAddress, work.verification.status], ['ida@work.example.com', 'verified']);
  assert.equal((await backend.users.getUser(user.id)).primaryEmailAddressId, work.id);
  assert.equal((await backend.emailAddresses.getEmailAddress(work.id)).id, work.id);
  const first = user.emailAddresses[0].id;
  await backend.emailAddresses.updateEmailAddress(first, { primary: true });
  assert.equal((await backend.users.getUser(user.id)).primaryEmailAddressId, first);
  const { deleted, object } = await backend.emailAddresses.deleteEmailAddress(work.id);
  assert.deepEqual([deleted, object], [true, 'email_address']);
  await rejects(backend.emailAddresses.getEmailAddress(work.id), 404, 'resource_not_found');
  await backend.users.deleteUser(user.id);
});

test('a lock by failures is shown and ended', async () => {
  const attack_protection = { user_lockout: { enabled: true, max_attempts: 5, duration_in_minutes: 60 } };
  await engine.configure({ ...settings.EMAIL_PASSWORD_AND_NAME, attack_protection });
  const user = await backend.users.createUser({ emailAddress: ['eve@example.com'], password: PASSWORD });
  const attempt = async (password) => {
    const answer = await post('/v1/client/sign_ins', { identifier: 'eve@example.com', password });
    return (await answer.json()).errors?.map(({ code }) => code) ?? [];
  };
  for (let n = 0; n < 5; n += 1) assert.equal((await attempt('wrong'))[0], 'form_password_incorrect');
  assert.deepEqual(await attempt(PASSWORD), ['user_locked']);
  const locked = await backend.users.getUser(user.id);
  assert.deepEqual([locked.locked, locked.raw.verification_attempts_remaining], [true, 0]);
  assert.ok(locked.raw.lockout_expires_in_seconds > 3_500);
  assert.equal((await backend.users.unlockUser(user.id)).locked, false);
  assert.deepEqual(await attempt(PASSWORD), []);
  await backend.users.deleteUser(user.id);
  await engine.configure(settings.EMAIL_PASSWORD_AND_NAME);
});

test('a sign-in token lets a person in once', async () => {
  const user = await backend.users.createUser({ emailAddress: ['ann@example.com'], password: PASSWORD });
  const token = await backend.signInTokens.createSignInToken({ userId: user.id, expiresInSeconds: 600 });
  assert.deepEqual([token.userId, token.status], [user.id, 'pending']);
  assert.ok(token.url.includes(token.token));
  const use = () => post('/v1/client/sign_ins', { strategy: 'ticket', ticket: token.token });
  const done = await (await use()).json();
  assert.equal(done.response.status, 'complete', JSON.stringify(done));
  assert.equal((await (await use()).json()).errors[0].code, 'sign_in_token_already_used_code');
  await rejects(backend.signInTokens.revokeSignInToken(token.id), 400, 'sign_in_token_cannot_be_revoked_code');
  const other = await backend.signInTokens.createSignInToken({ userId: user.id, expiresInSeconds: 600 });
  assert.equal((await backend.signInTokens.revokeSignInToken(other.id)).status, 'revoked');
  await backend.users.deleteUser(user.id);
});

test('sessions are made for tests, and sessions and clients are verified', async () => {
  const user = await backend.users.createUser({ emailAddress: ['zoe@example.com'], password: PASSWORD });
  const made = await backend.sessions.createSession({ userId: user.id });
  assert.deepEqual([made.userId, made.status], [user.id, 'active']);
  const { jwt } = await backend.sessions.getToken(made.id);
  assert.equal((await backend.sessions.verifySession(made.id, jwt)).id, made.id);
  await rejects(backend.sessions.verifySession(made.id, 'a.b.c'), 422, 'form_param_value_invalid');
  const person = await signIn('zoe@example.com');
  const client = await backend.clients.verifyClient(person.client);
  assert.deepEqual(client.sessionIds, [person.session]);
  await rejects(backend.clients.verifyClient('a.b.c'), 400, 'cookie_invalid');
  const { data: clients, totalCount } = await backend.clients.getClientList({ limit: 500 });
  assert.ok(totalCount >= clients.length && clients.some(({ id }) => id === client.id));
  assert.deepEqual((await backend.users.getOrganizationMembershipList({ userId: user.id })).data, []);
  assert.deepEqual((await backend.users.getUserOauthAccessToken(user.id, 'google')).data, []);
  await rejects(backend.users.disableUserMFA(user.id), 404, 'resource_not_found');
  await backend.users.deleteUser(user.id);
});

/** Signs in as an application without cookies does. */
async function signIn(identifier) {
  const answer = await post('/v1/client/sign_ins', { identifier, password: PASSWORD });
  const body = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(body));
  const session = body.response.created_session_id;
  const authorization = answer.headers.get('authorization');
  return { session, client: authorization, token: () => post(`/v1/client/sessions/${session}/tokens`, {}, { authorization }) };
}

function post(path, form, headers = {}) {
  const body = new URLSearchParams(form);
  return fetch(`${engine.url}${path}?_is_native=1`, { method: 'POST', headers, body });
}

async function rejects(call, status, code) {
  const error = await call.then(() => assert.fail('it was not refused'), (error) => error);
  assert.deepEqual([error.status, error.errors?.[0].code], [status, code]);
  return error;
}
