// How the engine's own pages look: nothing wider than the screen, on phones too, whatever somebody is called.
// `SCREENSHOTS=/some/folder` keeps a picture of each state.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { startEngine } from './support/engine.mjs';
import { PASSWORD, forgetWaits, prove, reachCode, visit } from './support/own_page.mjs';
import { browser, skip, startBeforeTests } from './support/scenario.mjs';
import * as settings from './support/settings.mjs';

const DAY_MS = 86_400_000;
const WIDTHS = [320, 390, 1280];
const LOCAL = 'a'.repeat(64);
/** As long as an address may be (RFC 5321 4.5.3.1): 254 letters, without a place to break. */
const LONG = `${LOCAL}@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(57)}.com`;
const NAME = 'Donaudampfschifffahrtsgesellschaftskapitaenskajuetenschluessel';
const INSTANCE = `name = "${NAME}"
home_url = "https://acme.example"
terms_url = "https://acme.example/terms"
privacy_url = "https://acme.example/privacy"
support_email = "help@acme.example"`;

startBeforeTests({ withPages: false, withEngine: false });

test('no state of the sign-up page is wider than the screen, light or dark', { skip }, async (t) => {
  const engine = await started(t, { instance: INSTANCE });
  const document = structuredClone(settings.EMAIL_AND_PASSWORD);
  document.attributes.email_address.first_factors = ['email_code'];
  document.attributes.first_name = { enabled: true };
  document.sign_up.legal_consent_enabled = true;
  await engine.configure(document);
  const page = await visit(t, browser, engine);
  assert.equal(await page.locator('#application').innerText(), NAME);
  await fits(page, 'start');

  await page.getByRole('button', { name: 'Sign up' }).click();
  await page.locator('#field-password-error').waitFor();
  await fits(page, 'empty-submit');

  await page.getByLabel('E-mail address').fill(LONG);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign up' }).click();
  await page.getByLabel('The code we sent to').waitFor();
  await fits(page, 'code');
  await page.getByRole('button', { name: 'Verify' }).click();
  await fits(page, 'code-empty');

  await forgetWaits(page);
  await page.getByRole('button', { name: 'Send again' }).click();
  await page.locator('#alert').waitFor();
  await fits(page, 'wait');

  await page.getByRole('button', { name: 'Use another address' }).click();
  await fits(page, 'other-address');
  await page.reload();

  await page.getByLabel('I accept the terms').check();
  await page.getByRole('button', { name: 'Continue' }).click();
  await prove(page, await engine.code(LONG));
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
  await page.getByRole('button', { name: 'Ask /v1/me' }).click();
  await page.locator('#me').waitFor();
  await page.getByRole('button', { name: 'Verify it' }).click();
  await page.getByText('The signature is right').waitFor();
  await fits(page, 'done');

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('You are signed out.').waitFor();
  await fits(page, 'signed-out');
  await page.getByLabel('E-mail address').fill(LONG);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByLabel('I accept the terms').check();
  await page.getByRole('button', { name: 'Sign up' }).click();
  await page.getByRole('button', { name: 'Sign in with it' }).waitFor();
  await fits(page, 'taken');
  await page.getByRole('button', { name: 'Sign in with it' }).click();
  await page.getByRole('button', { name: /^Send a code to/ }).click();
  await page.getByLabel('The code we sent to').waitFor();
  await fits(page, 'sign-in');

  await page.route('**/v1/**', (route) => route.abort());
  await page.getByLabel('The code we sent to').fill('000000');
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.getByRole('button', { name: 'Try again' }).waitFor();
  await fits(page, 'unreached');
  await page.unroute('**/v1/**');

  await page.goto(engine.url);
  await reachCode(page, 'slow@example.com');
  await engine.advance(DAY_MS + 1_000);
  await page.reload();
  await page.getByRole('heading', { name: 'This is over' }).waitFor();
  await fits(page, 'over');
});

test('no state of the mailbox is wider than the screen, and it keeps what is selected', { skip }, async (t) => {
  const engine = await started(t);
  await engine.configure(settings.EMAIL_BY_LINK_OR_CODE);
  const page = await visit(t, browser, engine, '/dev/mailbox');
  await page.getByText('Nothing here yet.').waitFor();
  await fits(page, 'mailbox-empty');

  await begin(t, engine, LONG);
  const first = page.locator('.message').filter({ hasText: LONG });
  await first.waitFor();
  await fits(page, 'mailbox-one');
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await first.getByRole('button', { name: 'Copy code' }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await engine.code(LONG));

  await first.locator('.big').selectText();
  await begin(t, engine, 'second@example.com');
  await page.locator('.message').nth(1).waitFor();
  assert.match(await page.locator('.message').first().innerText(), /second@example\.com/, 'newest first');
  assert.equal(await page.evaluate(() => getSelection().toString()), await engine.code(LONG));
  await fits(page, 'mailbox-two');

  await page.getByLabel('Only to').fill(`x${LONG}`);
  await page.getByText('Nothing was sent to').waitFor();
  await fits(page, 'mailbox-none');
  await page.getByLabel('Only to').fill(LONG);
  await first.waitFor();
  assert.equal(await page.locator('.message').count(), 1);
});

test('the mailbox says that the engine does not answer, and goes on by itself', { skip }, async (t) => {
  const engine = await started(t);
  await engine.configure(settings.EMAIL_ONLY);
  const page = await visit(t, browser, engine, '/dev/mailbox');
  await page.route('**/dev/outbox*', (route) => route.abort());
  await page.getByText('The engine does not answer.').waitFor();
  await begin(t, engine, 'meanwhile@example.com');
  await page.unroute('**/dev/outbox*');
  await page.locator('.message').filter({ hasText: 'meanwhile@example.com' }).waitFor();
});

async function started(t, options = {}) {
  const engine = await startEngine(options);
  t.after(() => engine.stop());
  return engine;
}

/** Somebody signs up by an address, and leaves when the message is sent. */
async function begin(t, engine, address) {
  const page = await visit(t, browser, engine);
  await page.getByLabel('E-mail address').fill(address);
  await page.getByRole('button', { name: 'Sign up' }).click();
  await engine.code(address);
}

/** The page is never wider than the screen: people on phones need not push it about. */
async function fits(page, state) {
  for (const width of WIDTHS) {
    for (const colorScheme of ['light', 'dark']) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      const { wide, inner } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth, inner: innerWidth }));
      assert.ok(wide <= inner, `${state} at ${width}: ${wide} > ${inner}`);
      if (process.env.SCREENSHOTS) {
        await page.screenshot({ path: join(process.env.SCREENSHOTS, `${state}-${width}-${colorScheme}.png`), fullPage: true });
      }
    }
  }
}
