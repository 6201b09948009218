// What Clerk's packages make of the engine's resources and of its errors. Needs no browser.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createClerkClient } from '@clerk/backend';
import { backendOf } from './support/backend.mjs';
import { startEngine } from './support/engine.mjs';
import * as settings from './support/settings.mjs';

let backend;
let engine;

before(async () => {
  engine = await startEngine({ settings: settings.EMAIL_AND_PASSWORD });
  backend = backendOf(engine);
});

after(() => engine?.stop());

test('a server reads that a call is not built, and not that it sent no origin', async () => {
  const calls = {
    getOrganizationList: () => backend.organizations.getOrganizationList(),
    createOrganization: () => backend.organizations.createOrganization({ name: 'Acme' }),
    getOrganizationSettings: () => backend.instance.getOrganizationSettings(),
    createOAuthApplication: () => backend.oauthApplications.create({ name: 'Acme', redirectUris: [] }),
  };
  for (const [name, call] of Object.entries(calls)) {
    await assert.rejects(call, failure(404, 'resource_not_found'), name);
  }
});

test('a server with the wrong key reads so, whatever it asks for', async () => {
  const stranger = createClerkClient({ apiUrl: engine.url, secretKey: 'sk_live_nonsense', telemetry: { disabled: true } });
  const calls = [
    () => stranger.users.getUser('user_1'),
    () => stranger.invitations.getInvitationList(),
    () => stranger.organizations.createOrganization({ name: 'Acme' }),
  ];
  for (const call of calls) {
    await assert.rejects(call, failure(401, 'clerk_key_invalid'));
  }
});

test('what the package decodes is whole', async () => {
  const invitation = await backend.invitations.createInvitation({ emailAddress: 'guest@example.com', notify: false });
  const entry = await backend.waitlistEntries.create({ emailAddress: 'later@example.com' });
  for (const decoded of [invitation, entry]) {
    const { _raw, raw, ...own } = decoded;
    for (const [key, value] of Object.entries(own)) {
      assert.notEqual(value, undefined, `${decoded.constructor.name}.${key}`);
    }
    assert.ok(decoded.createdAt > 1.5e12, 'milliseconds');
  }
});

function failure(status, code) {
  return (error) => {
    assert.equal(error.status, status, error.stack);
    assert.equal(error.errors[0].code, code);
    assert.match(error.clerkTraceId, /^[0-9a-f]{32}$/);
    return true;
  };
}
