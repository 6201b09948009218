// The instance: restrictions, lists and redirect URLs, changed by the application's server with @clerk/backend.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendOf } from './support/backend.mjs';
import { engine, startBeforeTests } from './support/scenario.mjs';
import * as settings from './support/settings.mjs';

let backend;

startBeforeTests({
  needsBrowser: false,
  withPages: false,
  prepare: async () => {
    backend = backendOf(engine);
    await engine.configure(settings.EMAIL_PASSWORD_AND_NAME);
  },
});

test('the instance is read and its restrictions are changed', async () => {
  const instance = await backend.instance.get();
  assert.match(instance.id, /^ins_/);
  assert.equal(instance.environmentType, 'development');
  const changed = await backend.instance.updateRestrictions({ blocklist: true, blockEmailSubaddresses: true });
  assert.deepEqual(
    [changed.allowlist, changed.blocklist, changed.blockEmailSubaddresses, changed.ignoreDotsForGmailAddresses],
    [false, true, true, false],
  );
  const dotless = await backend.instance.updateRestrictions({ ignoreDotsForGmailAddresses: true });
  assert.deepEqual([dotless.blocklist, dotless.ignoreDotsForGmailAddresses], [true, true]);
  const origins = [...instance.allowedOrigins, 'capacitor://localhost'];
  await backend.instance.update({ allowedOrigins: origins, testMode: null });
  assert.deepEqual((await backend.instance.get()).allowedOrigins, origins);
  await assert.rejects(backend.instance.update({ allowedOrigins: ['*'] }), ({ status, errors }) => {
    assert.deepEqual([status, errors[0].code], [422, 'form_invalid_origin']);
    return true;
  });
});

test('identifiers are listed, counted once, and removed', async () => {
  const allowed = await backend.allowlistIdentifiers.createAllowlistIdentifier({
    identifier: 'Ada@example.com',
    notify: true,
  });
  assert.deepEqual([allowed.identifier, allowed.identifierType], ['ada@example.com', 'email_address']);
  assert.match(allowed.invitationId, /^inv_/);
  const { data, totalCount } = await backend.allowlistIdentifiers.getAllowlistIdentifierList({ limit: 5 });
  assert.deepEqual([totalCount, data[0].id], [1, allowed.id]);

  const blocked = await backend.blocklistIdentifiers.createBlocklistIdentifier({ identifier: '*@bad.example' });
  assert.deepEqual([blocked.identifier, blocked.identifierType], ['*@bad.example', 'email_address']);
  const again = backend.blocklistIdentifiers.createBlocklistIdentifier({ identifier: '@BAD.example' });
  await assert.rejects(again, ({ status, errors }) => {
    assert.deepEqual([status, errors[0].code], [400, 'duplicate_record']);
    return true;
  });
  const list = await backend.blocklistIdentifiers.getBlocklistIdentifierList();
  assert.deepEqual([list.totalCount, list.data[0].id], [1, blocked.id]);
  for (const gone of [
    await backend.allowlistIdentifiers.deleteAllowlistIdentifier(allowed.id),
    await backend.blocklistIdentifiers.deleteBlocklistIdentifier(blocked.id),
  ]) {
    assert.equal(gone.deleted, true);
  }
  assert.equal((await backend.blocklistIdentifiers.getBlocklistIdentifierList()).totalCount, 0);
});

test('redirect URLs are listed, read and removed', async () => {
  const made = await backend.redirectUrls.createRedirectUrl({ url: 'myapp://callback' });
  assert.deepEqual((await backend.redirectUrls.getRedirectUrl(made.id)).url, 'myapp://callback');
  const { data, totalCount } = await backend.redirectUrls.getRedirectUrlList();
  assert.deepEqual([totalCount, data[0].id], [1, made.id]);
  const redirectUrl = 'myapp://callback';
  const invitation = await backend.invitations.createInvitation({ emailAddress: 'grace@example.com', redirectUrl });
  assert.equal(invitation.status, 'pending');
  await backend.redirectUrls.deleteRedirectUrl(made.id);
  await assert.rejects(backend.redirectUrls.getRedirectUrl(made.id), ({ status }) => status === 404);
});
