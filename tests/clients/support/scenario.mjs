// What most suites begin with: an engine, the application's pages, a browser, and people who sign up.

import { after, before } from 'node:test';
import { browserMissing, launchBrowser, newPerson } from './browser.mjs';
import { startEngine } from './engine.mjs';
import { headlessPage, signUpPage, startPages } from './pages.mjs';
import { SignUpForm } from './sign_up_form.mjs';

/** Why tests that need a browser are skipped, or false. */
export const skip = browserMissing ?? false;

export const PASSWORD = 'tide-glass-Lantern-47';

/** Shared by all tests of a file. They exist while its tests run, if `startBeforeTests` was asked for them. */
export let browser;
export let engine;
export let pages;

/**
 * Starts a browser, the application's pages and an engine that accepts these pages, and stops them after the tests.
 * Without a browser here, nothing starts, unless some tests need none (`needsBrowser: false`).
 * `withPages` and `withEngine` leave a part out; `options` are those of `startEngine`. `prepare` is called at the end with
 * what a page needs to reach the engine.
 */
export function startBeforeTests({ withPages = true, withEngine = true, needsBrowser = true, options = {}, prepare } = {}) {
  before(async () => {
    if (skip && needsBrowser) return;
    if (withPages) pages = await startPages();
    if (withEngine) engine = await startEngine({ ...(pages && { origins: [pages.origin] }), ...options });
    if (!skip) browser = await launchBrowser();
    await prepare?.(engine && siteOf(engine));
  });
  after(async () => {
    await browser?.close();
    await engine?.stop();
    await pages?.stop();
  });
}

/** What a page needs to reach an engine. */
export function siteOf(engine) {
  return { key: engine.publishableKey, proxyUrl: engine.url };
}

/** A person with a browser profile of their own, which is closed when the test ends. */
export async function personFor(t, options) {
  const person = await newPerson(browser, options);
  t.after(() => person.context.close());
  return person;
}

/** A person at `<SignUp/>` of a page that uses the engine `at`. After the sign-up they are sent to `/home`. */
export async function openSignUpForm(t, at = engine) {
  pages.show('/join', signUpPage(siteOf(at)));
  pages.show('/home', headlessPage(siteOf(at)));
  const person = await personFor(t);
  const form = new SignUpForm(person.page);
  await form.open(`${pages.origin}/join`);
  return { person, page: person.page, form };
}

/** Begins a sign-up with clerk-js alone, without its components, and requests a code. */
export function beginSignUp(page, emailAddress, password = PASSWORD) {
  return page.evaluate(
    async (parameters) => {
      await window.ready;
      const signUp = await window.Clerk.client.signUp.create(parameters);
      await signUp.prepareEmailAddressVerification({ strategy: 'email_code' });
    },
    { emailAddress, ...(password && { password }) },
  );
}

/** Completes that sign-up with the code, activates the session, and returns the user's id. */
export function finishSignUp(page, code) {
  return page.evaluate(async (code) => {
    const signUp = await window.Clerk.client.signUp.attemptEmailAddressVerification({ code });
    await window.Clerk.setActive({ session: signUp.createdSessionId });
    return window.Clerk.user.id;
  }, code);
}

/** Waits until clerk-js has a user; returns the user's id and a session token. */
export async function signedIn(page) {
  await page.waitForFunction(() => window.Clerk?.user);
  return page.evaluate(async () => ({ userId: window.Clerk.user.id, token: await window.Clerk.session.getToken() }));
}

/** A code that is wrong. */
export function otherThan(code) {
  return code === '000000' ? '111111' : '000000';
}
