// @clerk/clerk-js without its components, and what @clerk/backend makes of the result.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authenticate, verify } from './support/backend.mjs';
import { cookieHeader } from './support/browser.mjs';
import { headlessPage } from './support/pages.mjs';
import { PASSWORD, beginSignUp, engine, finishSignUp, pages, personFor, skip, startBeforeTests } from './support/scenario.mjs';
import * as settings from './support/settings.mjs';

startBeforeTests({ prepare: (site) => pages.show('/app', headlessPage(site)) });

test('e-mail, password and code end in a token that the backend package verifies', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const { page, context, strayRequests } = await visit(t);

  const begun = await page.evaluate(async (password) => {
    const signUp = await Clerk.client.signUp.create({
      emailAddress: 'Ada@Example.com',
      password,
      unsafeMetadata: { plan: 'tea', nested: { cups: 2 } },
    });
    await signUp.prepareEmailAddressVerification({ strategy: 'email_code' });
    const { status, emailAddress, missingFields, unverifiedFields, hasPassword } = signUp;
    return { status, emailAddress, missingFields, unverifiedFields, hasPassword };
  }, PASSWORD);
  assert.deepEqual(begun, {
    status: 'missing_requirements',
    emailAddress: 'ada@example.com',
    missingFields: [],
    unverifiedFields: ['email_address'],
    hasPassword: true,
  });

  const code = await engine.code('ada@example.com');
  const done = await page.evaluate(async (code) => {
    const signUp = await Clerk.client.signUp.attemptEmailAddressVerification({ code });
    await Clerk.setActive({ session: signUp.createdSessionId });
    return {
      status: signUp.status,
      userId: signUp.createdUserId,
      sessionId: signUp.createdSessionId,
      signedInAs: Clerk.user.id,
      activeSession: Clerk.session.id,
      email: Clerk.user.primaryEmailAddress.emailAddress,
      verified: Clerk.user.primaryEmailAddress.verification.status,
      metadata: Clerk.user.unsafeMetadata,
      token: await Clerk.session.getToken(),
      refreshed: await Clerk.session.getToken({ skipCache: true }),
    };
  }, code);
  assert.equal(done.status, 'complete');
  assert.equal(done.signedInAs, done.userId);
  assert.equal(done.activeSession, done.sessionId);
  assert.equal(done.email, 'ada@example.com');
  assert.equal(done.verified, 'verified');
  assert.deepEqual(done.metadata, { plan: 'tea', nested: { cups: 2 } });

  for (const token of [done.token, done.refreshed]) {
    const claims = await verify(engine, token, { authorizedParties: [pages.origin] });
    assert.equal(claims.sub, done.userId);
    assert.equal(claims.sid, done.sessionId);
    assert.equal(claims.iss, 'https://clerk.localhost');
  }

  const cookies = await cookieHeader(context, pages.origin);
  const state = await authenticate(engine, `${pages.origin}/app`, cookies, done.token);
  assert.equal(state.status, 'signed-in', `${state.reason}: ${state.message}`);
  assert.equal(state.toAuth().userId, done.userId);
  assert.deepEqual(strayRequests, []);
});

test('a visit that begins nothing leaves no client behind', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const { context } = await visit(t);
  const names = (await context.cookies(engine.url)).map((cookie) => cookie.name);
  assert.ok(!names.includes('__client'), names.join(' '));
});

test('the client token is out of reach for scripts, and a new one comes with the session', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const { page, context } = await visit(t);
  await beginSignUp(page, 'cookie@example.com');
  const before = await clientCookie(context);
  assert.equal(before.httpOnly, true);
  assert.equal(before.sameSite, 'Lax');

  await finishSignUp(page, await engine.code('cookie@example.com'));
  assert.notEqual((await clientCookie(context)).value, before.value);
});

test('a username and a password complete inside create', { skip }, async (t) => {
  await engine.configure(settings.USERNAME_AND_PASSWORD);
  const { page } = await visit(t);

  const done = await page.evaluate(async (password) => {
    const signUp = await Clerk.client.signUp.create({ username: 'Grace_H', password });
    await Clerk.setActive({ session: signUp.createdSessionId });
    return {
      status: signUp.status,
      missingFields: signUp.missingFields,
      unverifiedFields: signUp.unverifiedFields,
      username: Clerk.user.username,
      token: await Clerk.session.getToken(),
    };
  }, PASSWORD);
  assert.equal(done.status, 'complete');
  assert.deepEqual(done.missingFields, []);
  assert.deepEqual(done.unverifiedFields, []);
  assert.equal(done.username, 'grace_h');
  await verify(engine, done.token);
});

test('the lists are exact at every step of a progressive sign-up, across a reload', { skip }, async (t) => {
  await engine.configure(settings.PHONE_EMAIL_AND_USERNAME);
  const { page } = await visit(t);
  const required = ['email_address', 'phone_number', 'username'];
  const optional = ['first_name'];

  const created = await page.evaluate(() => Clerk.client.signUp.create({ phoneNumber: '+12025550143' }).then(() => Clerk.client.signUp.id));
  assert.deepEqual(await lists(page), {
    status: 'missing_requirements',
    required,
    optional,
    missing: ['email_address', 'username'],
    unverified: ['phone_number'],
  });

  await page.evaluate(() => Clerk.client.signUp.preparePhoneNumberVerification({ strategy: 'phone_code' }));
  const texted = await engine.messages('+12025550143');
  assert.deepEqual(texted.map((message) => message.channel), ['sms']);
  await page.evaluate((code) => Clerk.client.signUp.attemptPhoneNumberVerification({ code }), texted[0].code);
  const afterPhone = {
    status: 'missing_requirements',
    required,
    optional,
    missing: ['email_address', 'username'],
    unverified: [],
  };
  assert.deepEqual(await lists(page), afterPhone);

  await page.reload();
  await page.evaluate(() => window.ready);
  assert.deepEqual(await lists(page), afterPhone);
  assert.equal(await page.evaluate(() => Clerk.client.signUp.id), created);

  await page.evaluate(() => Clerk.client.signUp.update({ emailAddress: 'step@example.com', firstName: 'Step' }));
  assert.deepEqual(await lists(page), {
    status: 'missing_requirements',
    required,
    optional,
    missing: ['username'],
    unverified: ['email_address'],
  });

  await page.evaluate(() => Clerk.client.signUp.prepareEmailAddressVerification({ strategy: 'email_code' }));
  const code = await engine.code('step@example.com');
  await page.evaluate((code) => Clerk.client.signUp.attemptEmailAddressVerification({ code }), code);
  assert.deepEqual(await lists(page), {
    status: 'missing_requirements',
    required,
    optional,
    missing: ['username'],
    unverified: [],
  });

  const done = await page.evaluate(async () => {
    const signUp = await Clerk.client.signUp.update({ username: 'step_by_step' });
    await Clerk.setActive({ session: signUp.createdSessionId });
    const { status, missingFields, unverifiedFields } = signUp;
    const { username, firstName, primaryPhoneNumber, primaryEmailAddress } = Clerk.user;
    return {
      status,
      missingFields,
      unverifiedFields,
      user: [username, firstName, primaryPhoneNumber.phoneNumber, primaryEmailAddress.emailAddress],
    };
  });
  assert.deepEqual(done, {
    status: 'complete',
    missingFields: [],
    unverifiedFields: [],
    user: ['step_by_step', 'Step', '+12025550143', 'step@example.com'],
  });
});

test('without consent to the terms a sign-up waits, and giving it completes', { skip }, async (t) => {
  await engine.configure(settings.WITH_LEGAL_CONSENT);
  const { page } = await visit(t);
  await beginSignUp(page, 'terms@example.com');
  const code = await engine.code('terms@example.com');
  await page.evaluate((code) => Clerk.client.signUp.attemptEmailAddressVerification({ code }), code);
  assert.deepEqual(await lists(page), {
    status: 'missing_requirements',
    required: ['email_address', 'legal_accepted', 'password'],
    optional: [],
    missing: ['legal_accepted'],
    unverified: [],
  });

  const status = await page.evaluate(async () => {
    const signUp = await Clerk.client.signUp.update({ legalAccepted: true });
    return signUp.status;
  });
  assert.equal(status, 'complete');
});

test('the custom-flow methods of the current generation work from password to finalize', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const { page } = await visit(t);

  const errors = await page.evaluate(async (password) => {
    const signUp = Clerk.client.signUp.__internal_future;
    const created = await signUp.password({ emailAddress: 'future@example.com', password });
    const sent = await signUp.verifications.sendEmailCode();
    return [created.error, sent.error].map((error) => error && error.message);
  }, PASSWORD);
  assert.deepEqual(errors, [null, null]);

  const code = await engine.code('future@example.com');
  const done = await page.evaluate(async (code) => {
    const signUp = Clerk.client.signUp.__internal_future;
    const verified = await signUp.verifications.verifyEmailCode({ code });
    const status = signUp.status;
    const finalized = await signUp.finalize();
    const errors = [verified.error, finalized.error].map((error) => error && error.message);
    return { errors, status, email: Clerk.user?.primaryEmailAddress.emailAddress };
  }, code);
  assert.deepEqual(done, { errors: [null, null], status: 'complete', email: 'future@example.com' });
});

test('the session outlives a reload', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const { page } = await visit(t);
  await beginSignUp(page, 'reload@example.com');
  const userId = await finishSignUp(page, await engine.code('reload@example.com'));

  await page.reload();
  await page.evaluate(() => window.ready);
  assert.equal(await page.evaluate(() => Clerk.user?.id), userId);
  assert.equal(await page.evaluate(() => Clerk.client.signUp.id ?? null), null);
});

test('signing out ends the session for page, engine and server alike', { skip }, async (t) => {
  await engine.configure(settings.EMAIL_AND_PASSWORD);
  const { page, context } = await visit(t);
  await beginSignUp(page, 'leaver@example.com');
  await finishSignUp(page, await engine.code('leaver@example.com'));
  const token = await page.evaluate(() => Clerk.session.getToken());
  const client = await clientCookie(context);

  await page.evaluate(() => Clerk.signOut({ redirectUrl: '/app' }));
  await page.waitForFunction(() => window.Clerk?.loaded && window.Clerk.user === null);

  assert.equal(await page.evaluate(() => Clerk.client.signedInSessions.length), 0);
  const cookies = await context.cookies(engine.url);
  assert.equal(cookies.find((cookie) => cookie.name === '__client_uat')?.value, '0');
  const asked = await fetch(`${engine.url}/v1/client`, { headers: { Cookie: `__client=${client.value}` } });
  const { response } = await asked.json();
  assert.deepEqual(response?.sessions.filter((session) => session.status === 'active') ?? [], []);
  const state = await authenticate(engine, `${pages.origin}/app`, await cookieHeader(context, pages.origin), token);
  assert.equal(state.status, 'signed-out', `${state.reason}: ${state.message}`);
});

async function visit(t) {
  const person = await personFor(t);
  await person.page.goto(`${pages.origin}/app`);
  await person.page.evaluate(() => window.ready);
  return person;
}

/** The status and the four lists of the sign-up in hand, each list sorted. */
function lists(page) {
  return page.evaluate(() => {
    const { status, requiredFields, optionalFields, missingFields, unverifiedFields } = Clerk.client.signUp;
    return {
      status,
      required: [...requiredFields].sort(),
      optional: [...optionalFields].sort(),
      missing: [...missingFields].sort(),
      unverified: [...unverifiedFields].sort(),
    };
  });
}

async function clientCookie(context) {
  const cookies = await context.cookies();
  const cookie = cookies.find(({ name }) => name === '__client');
  assert.ok(cookie, 'no __client cookie');
  return cookie;
}
