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

// Clerk's libraries for iOS and Android decode a resource whole or not at all, the client with all that is in it: a key that
// is missing, null or of another type ends them. `a.b` is a key in a key, `[]` each element of a list.
const NEEDED = {
  environment: {
    string: [
      'auth_config.object', 'auth_config.first_name', 'auth_config.password', 'display_config.application_name',
      'display_config.home_url', 'display_config.instance_environment_type', 'display_config.preferred_sign_in_strategy',
      'display_config.logo_image_url', 'user_settings.sign_up.mode', 'organization_settings.domains.default_role',
      'fraud_settings.native.device_attestation_mode',
    ],
    boolean: [
      'auth_config.single_session_mode', 'auth_config.test_mode', 'auth_config.native_settings.api_enabled',
      'display_config.branded', 'user_settings.actions.delete_self', 'user_settings.sign_up.custom_action_required',
      'user_settings.sign_up.progressive', 'user_settings.sign_up.legal_consent_enabled', 'user_settings.saml.enabled',
      'user_settings.passkey_settings.show_sign_in_button', 'user_settings.attributes.email_address.enabled',
      'user_settings.attributes.email_address.verify_at_sign_up', 'organization_settings.enabled',
    ],
    number: ['organization_settings.max_allowed_memberships', 'user_settings.attack_protection.user_lockout.max_attempts'],
    array: [
      'auth_config.identification_requirements', 'auth_config.first_factors', 'auth_config.second_factors',
      'user_settings.attributes.email_address.verifications', 'user_settings.attributes.email_address.first_factors',
      'user_settings.attributes.email_address.second_factors',
    ],
    object: ['display_config.theme', 'user_settings.social', 'user_settings.attributes'],
    there: [
      'display_config.privacy_policy_url', 'display_config.terms_url', 'display_config.google_one_tap_client_id',
      'display_config.support_email', 'display_config.clerk_js_version', 'display_config.logo_url',
    ],
  },
  client: {
    string: ['id', 'object', 'sessions[].id', 'sessions[].status', 'sessions[].public_user_data.identifier',
      'sessions[].public_user_data.image_url', 'sessions[].public_user_data.user_id'],
    boolean: ['sessions[].public_user_data.has_image'],
    number: ['created_at', 'updated_at', 'sessions[].expire_at', 'sessions[].abandon_at', 'sessions[].last_active_at',
      'sessions[].created_at', 'sessions[].updated_at'],
    array: ['sessions', 'sessions[].factor_verification_age'],
    object: ['sessions[].user'],
    there: ['sign_in', 'sign_up', 'last_active_session_id', 'sessions[].actor', 'sessions[].last_active_token', 'sessions[].tasks'],
  },
  user: {
    string: ['id', 'object', 'image_url', 'email_addresses[].id', 'email_addresses[].email_address',
      'email_addresses[].verification.status', 'email_addresses[].verification.strategy'],
    boolean: ['has_image', 'password_enabled', 'two_factor_enabled', 'totp_enabled', 'backup_code_enabled', 'banned', 'locked',
      'delete_self_enabled', 'create_organization_enabled'],
    number: ['created_at', 'updated_at'],
    array: ['email_addresses', 'phone_numbers', 'web3_wallets', 'passkeys', 'external_accounts', 'saml_accounts',
      'enterprise_accounts', 'email_addresses[].linked_to'],
    object: ['public_metadata'],
    there: ['username', 'first_name', 'last_name', 'primary_email_address_id', 'primary_phone_number_id',
      'primary_web3_wallet_id', 'external_id', 'last_sign_in_at', 'lockout_expires_in_seconds',
      'verification_attempts_remaining', 'last_active_at', 'mfa_enabled_at', 'mfa_disabled_at', 'legal_accepted_at'],
  },
  signUp: {
    string: ['id', 'object', 'status'],
    boolean: ['password_enabled'],
    number: ['abandon_at'],
    array: ['required_fields', 'optional_fields', 'missing_fields', 'unverified_fields'],
    object: ['verifications'],
    there: ['username', 'email_address', 'phone_number', 'first_name', 'last_name', 'created_session_id', 'created_user_id'],
  },
};

test('what applications for phones decode has every key that they need', async () => {
  const { environment, client, user, signUp } = await everything();
  for (const [name, resource] of Object.entries({ environment, client, user, signUp })) {
    for (const [type, paths] of Object.entries(NEEDED[name])) {
      for (const path of paths) {
        for (const value of at(resource, path.split('.'))) {
          const is = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
          assert.ok(type === 'there' ? is !== 'undefined' : is === type, `${name}: ${path} is ${is}, and not ${type}`);
        }
      }
    }
  }
});

test('an empty token, or the word Bearer alone, is an application without a client', async () => {
  for (const authorization of ['', 'Bearer', 'Bearer ']) {
    const answer = await fetch(`${engine.url}/v1/client?_is_native=1`, { headers: { authorization } });
    assert.equal(answer.status, 200, authorization);
    assert.deepEqual(await answer.json(), { response: null, client: null });
    assert.match(answer.headers.get('date'), / GMT$/, 'applications order answers by it');
  }
});

/** The values at a path. */
function at(value, [key, ...rest]) {
  if (key === undefined) return [value];
  const [name, each] = key.split('[');
  const below = value?.[name];
  if (each === undefined) return at(below, rest);
  assert.ok(below.length > 0, `${name} has an element`);
  return below.flatMap((element) => at(element, rest));
}

/** A sign-up with all that belongs to it, as an application for phones is told. */
async function everything() {
  let token = '';
  const call = async (method, path, form) => {
    const answer = await fetch(`${engine.url}${path}?_is_native=true`, {
      method,
      headers: { authorization: token, 'x-mobile': '1', 'clerk-api-version': '2026-05-12', 'x-clerk-client-id': 'client_x' },
      ...(form && { body: new URLSearchParams(form) }),
    });
    token = answer.headers.get('authorization') ?? token;
    return answer.json();
  };
  const to = 'phones@example.com';
  const { response: begun } = await call('POST', '/v1/client/sign_ups', { email_address: to, password: 'tide-glass-Lantern-47' });
  const path = `/v1/client/sign_ups/${begun.id}`;
  await call('POST', `${path}/prepare_verification`, { strategy: 'email_code' });
  const code = await engine.code(to);
  const { response: signUp } = await call('POST', `${path}/attempt_verification`, { strategy: 'email_code', code });
  assert.equal(signUp.status, 'complete');
  const [environment, { response: client }, { response: user }] = [
    await call('GET', '/v1/environment'),
    await call('GET', '/v1/client'),
    await call('GET', '/v1/me'),
  ];
  return { environment, client, user, signUp };
}

function failure(status, code) {
  return (error) => {
    assert.equal(error.status, status, error.stack);
    assert.equal(error.errors[0].code, code);
    assert.match(error.clerkTraceId, /^[0-9a-f]{32}$/);
    return true;
  };
}
