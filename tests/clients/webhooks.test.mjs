// Webhooks: what the engine sends, read by the application's server with @clerk/backend.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { verifyWebhook } from '@clerk/backend/webhooks';
import { backendOf } from './support/backend.mjs';
import { startEngine } from './support/engine.mjs';
import * as settings from './support/settings.mjs';

const PASSWORD = 'wanders under elms';
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

let backend;
let engine;
let receiver;

before(async () => {
  receiver = await startReceiver();
  const endpoint = `{ url = "${receiver.url}", secret = "${SECRET}", events = ["user.*", "session.*"] }`;
  engine = await startEngine({ settings: settings.EMAIL_PASSWORD_AND_NAME, more: `[webhooks]\nendpoints = [${endpoint}]\n` });
  backend = backendOf(engine);
});

after(async () => {
  await engine?.stop();
  receiver?.stop();
});

test('a new user, its session and its end are told to the application', async () => {
  const made = await backend.users.createUser({
    emailAddress: ['Ada@Example.com'],
    externalId: 'customer 7',
    password: PASSWORD,
    privateMetadata: { plan: 'gold' },
  });
  const created = await receiver.next('user.created');
  assert.deepEqual([created.object, created.data.object, created.data.id], ['event', 'user', made.id]);
  assert.equal(created.data.email_addresses[0].email_address, 'ada@example.com');
  assert.deepEqual(created.data.private_metadata, { plan: 'gold' });

  const session = await signIn('ada@example.com');
  const began = await receiver.next('session.created');
  assert.deepEqual([began.data.id, began.data.status, began.data.user.id], [session, 'active', made.id]);

  await backend.users.deleteUser(made.id);
  const gone = await receiver.next('user.deleted');
  assert.deepEqual(gone.data, { object: 'user', id: made.id, deleted: true, external_id: 'customer 7' });
  assert.deepEqual(receiver.refused, []);
});

/** Signs in as an application without cookies does, and returns the id of the session. */
async function signIn(identifier) {
  const body = new URLSearchParams({ identifier, password: PASSWORD });
  const answer = await fetch(`${engine.url}/v1/client/sign_ins?_is_native=1`, { method: 'POST', body });
  assert.equal(answer.status, 200);
  return (await answer.json()).response.created_session_id;
}

/** A receiver that keeps the events which `verifyWebhook` has read, and why it refused others. */
async function startReceiver() {
  const events = [];
  const refused = [];
  const server = createServer(async (incoming, answer) => {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const request = new Request('https://app.example.com/webhooks', {
      method: 'POST',
      headers: incoming.headers,
      body: Buffer.concat(chunks),
    });
    try {
      events.push(await verifyWebhook(request, { signingSecret: SECRET }));
      answer.writeHead(204).end();
    } catch (error) {
      refused.push(error.message);
      answer.writeHead(400).end();
    }
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${server.address().port}/webhooks`,
    refused,
    /** The first event of this type, when it is there. */
    next: async (type) => {
      for (let waits = 0; waits < 600; waits += 1) {
        const found = events.find((event) => event.type === type);
        if (found) return found;
        await new Promise((later) => setTimeout(later, 50));
      }
      return assert.fail(`no ${type}: ${JSON.stringify({ events, refused })}`);
    },
    stop: () => server.close(),
  };
}
