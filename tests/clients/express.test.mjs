// An application with express: people sign up in the browser, its administrator lists, bans and deletes them, and its
// own table follows by webhooks.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { createApplication } from './express/app.mjs';
import { backendOf } from './support/backend.mjs';
import { SECRET_KEY } from './support/engine.mjs';
import { PASSWORD, engine, personFor, siteOf, skip, startBeforeTests } from './support/scenario.mjs';
import * as settings from './support/settings.mjs';
import { SignUpForm } from './support/sign_up_form.mjs';

// The engine must know the application's origin before there is an application that knows the engine.
const server = createServer();
await new Promise((resolve) => server.listen(0, 'localhost', resolve));
const origin = `http://localhost:${server.address().port}`;
const customers = new Map();
const signingSecret = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const endpoint = `{ url = "${origin}/webhooks", secret = "${signingSecret}", events = ["user.created", "user.deleted"] }`;
let clerk;

startBeforeTests({
  withPages: false,
  options: { origins: [origin], settings: settings.EMAIL_AND_PASSWORD, more: `[webhooks]\nendpoints = [${endpoint}]\n` },
  prepare: () => {
    clerk = backendOf(engine);
    const site = { ...siteOf(engine), publishableKey: engine.publishableKey, secretKey: SECRET_KEY };
    server.on('request', createApplication({ clerk, site, customers, signingSecret }));
  },
});
after(() => {
  server.closeAllConnections();
  server.close();
});

test('an administrator lists the people who signed up, bans one and deletes one', { skip }, async (t) => {
  const admin = await signUp(t, 'admin@example.com');
  const bob = await signUp(t, 'bob@example.com');
  const eve = await signUp(t, 'eve@example.com');
  const { body: me } = await ask(admin, 'GET', '/me');
  assert.equal((await ask(admin, 'GET', '/admin/users')).status, 403);
  await clerk.users.updateUserMetadata(me.id, { privateMetadata: { role: 'admin' } });

  const { users, totalCount } = (await ask(admin, 'GET', '/admin/users')).body;
  assert.deepEqual(
    [totalCount, users.map(({ email }) => email)],
    [3, ['admin@example.com', 'bob@example.com', 'eve@example.com']],
  );

  for (const { id, email } of users) assert.deepEqual(await customer(id), { email });

  assert.equal((await ask(bob, 'GET', '/me')).status, 200);
  const banned = await ask(admin, 'POST', `/admin/users/${users[1].id}/ban`);
  assert.deepEqual([banned.status, banned.body], [200, { banned: true }]);
  assert.equal((await ask(bob, 'GET', '/me')).status, 401);
  await seesToBeSignedOut(bob);

  assert.equal((await ask(eve, 'GET', '/me')).status, 200);
  const deleted = await ask(admin, 'DELETE', `/admin/users/${users[2].id}`);
  assert.deepEqual([deleted.status, deleted.body], [200, { deleted: true }]);
  assert.equal((await ask(eve, 'GET', '/me')).status, 401);
  await seesToBeSignedOut(eve);

  assert.equal(await customer(users[2].id, (row) => row === null), null);
  const left = (await ask(admin, 'GET', '/admin/users')).body.users;
  assert.deepEqual(left.map(({ email, banned }) => [email, banned]), [
    ['admin@example.com', false],
    ['bob@example.com', true],
  ]);
});

/** A person who signs up at the application and is at its page for members. */
async function signUp(t, address) {
  const { page } = await personFor(t);
  const form = new SignUpForm(page);
  await form.open(`${origin}/join`);
  await form.beginWith(address, PASSWORD);
  await form.enterCode(await engine.code(address));
  await page.waitForURL(`${origin}/home`);
  await page.waitForFunction(() => window.Clerk?.user);
  return page;
}

/** What the application answers to a request that a script of its page makes, with the cookies of the person. */
function ask(page, method, path) {
  return page.evaluate(
    async ([method, path]) => {
      const answer = await fetch(path, { method });
      return { status: answer.status, body: await answer.json() };
    },
    [method, path],
  );
}

/** The application's own row about a user, once it is as expected. */
async function customer(id, isExpected = (row) => row) {
  const deadline = Date.now() + 30_000;
  while (!(customers.has(id) && isExpected(customers.get(id)))) {
    assert.ok(Date.now() < deadline, `the row of ${id} is ${JSON.stringify(customers.get(id))}`);
    await new Promise((later) => setTimeout(later, 50));
  }
  return customers.get(id);
}

/** When the page is loaded again, clerk-js has no user any more. */
async function seesToBeSignedOut(page) {
  await page.reload();
  await page.evaluate(() => window.ready);
  assert.equal(await page.evaluate(() => window.Clerk.user), null);
}
