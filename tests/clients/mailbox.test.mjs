// The mailbox of a development instance: messages as they are sent, search, and news.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import { browserMissing, launchBrowser, newPerson } from './support/browser.mjs';
import { startEngine } from './support/engine.mjs';
import * as settings from './support/settings.mjs';

const skip = browserMissing ?? false;
let browser;

before(async () => {
  if (!skip) browser = await launchBrowser();
});
after(() => browser?.close());

test('a message is shown as it was sent, in a frame that can run and load nothing', { skip }, async (t) => {
  const engine = await started(t);
  const { page, pageErrors, strayRequests } = await visit(t, engine);
  const refused = [];
  page.on('console', (entry) => entry.type() === 'error' && refused.push(entry.text()));
  await begin(t, engine, 'ada@example.com', 'ar');
  const message = page.locator('.message').filter({ hasText: 'ada@example.com' });
  await message.getByRole('button', { name: 'As sent' }).click();
  const frame = message.frameLocator('iframe');
  const code = await engine.code('ada@example.com');
  await frame.getByText(code, { exact: true }).waitFor();
  assert.equal(await frame.locator('html').getAttribute('dir'), 'rtl');
  for (const width of [360, 800]) {
    for (const colorScheme of ['light', 'dark']) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(wide <= inner, `${wide} > ${inner}`);
      const [mail, room] = await frame.locator('html').evaluate((html) => [html.scrollWidth, html.clientWidth]);
      assert.ok(mail <= room, `the e-mail is wider than its frame: ${mail} > ${room}`);
      if (process.env.SCREENSHOTS) {
        // A frame outside of the view is not painted.
        await message.locator('iframe').scrollIntoViewIfNeeded();
        await page.screenshot({ path: join(process.env.SCREENSHOTS, `mailbox-sent-${width}-${colorScheme}.png`) });
      }
    }
  }
  await message.getByRole('button', { name: 'Headers' }).click();
  await message.getByText('Auto-Submitted: auto-generated').waitFor();
  assert.equal(await message.locator('iframe').count(), 0, 'one view at a time');
  await message.getByRole('button', { name: 'Source' }).click();
  await message.getByText('Content-Type: text/html').waitFor();
  assert.deepEqual([pageErrors, strayRequests, refused], [[], [], []]);
});

test('messages are found, belong to a sign-up, and can be cleared', { skip }, async (t) => {
  const engine = await started(t);
  const { page } = await visit(t, engine);
  await begin(t, engine, 'ada@example.com');
  await begin(t, engine, 'eve@example.com');
  await page.locator('.message').nth(1).waitFor();
  await page.getByLabel('Search').fill('EVE');
  await page.locator('.message').nth(1).waitFor({ state: 'detached' });
  assert.match(await page.locator('.message').innerText(), /eve@example\.com/);
  await page.getByLabel('Search').fill('nobody');
  await page.getByText('Nothing contains nobody.').waitFor();
  // Both fields are conditions.
  await page.getByLabel('Only to').fill('eve@example.com');
  await page.getByText('Nothing that was sent to eve@example.com contains nobody.').waitFor();
  await page.getByLabel('Search').fill('verification');
  await page.locator('.message').waitFor();
  await page.getByLabel('Only to').fill('');
  await page.getByLabel('Search').fill('');
  await page.locator('.message').nth(1).waitFor();
  await page.locator('.message').filter({ hasText: 'ada@example.com' }).getByRole('button', { name: 'all its messages' }).click();
  await page.locator('.message').nth(1).waitFor({ state: 'detached' });
  assert.match(await page.getByLabel('Search').inputValue(), /^sua_/);
  await page.getByRole('link', { name: 'its sign-up' }).click();
  await page.getByText('"email_address":"ada@example.com"').waitFor();
  await page.goBack();
  page.on('dialog', (dialog) => dialog.accept());
  await page.getByRole('button', { name: 'Clear the mailbox' }).click();
  await page.getByText('Nothing here yet.').waitFor();
});

test('a list is short, says the day of what is old, and names what a message was made for', { skip }, async (t) => {
  const engine = await started(t);
  const { page } = await newPerson(browser);
  t.after(() => page.context().close());
  const made = { channel: 'email', to: 'ada@example.com', subject: 'Hello', text: 'All the words', template: 'verification_code', locale: 'en' };
  const origins = { sua: 'sign-up', sia: 'sign-in', inv: 'invitation', ver: 'address verification' };
  const messages = Object.keys(origins).map((prefix, n) => ({
    ...made, id: `msg_${n}`, origin: `${prefix}_0001`, code: '424242', created_at: n ? Date.now() : Date.UTC(2024, 1, 3, 12),
  }));
  await page.route('**/dev/outbox', (route) => route.fulfill({ json: { messages } }));
  await page.goto(`${engine.url}/dev/mailbox`);
  await page.locator('.message').nth(3).waitFor();
  for (const [at, kind] of Object.values(origins).reverse().entries()) {
    assert.match(await page.locator('.footnote').nth(at).innerText(), new RegExp(`its ${kind} `));
  }
  assert.match(await page.locator('time').nth(3).innerText(), /2024/);
  assert.doesNotMatch(await page.locator('time').nth(0).innerText(), /20\d\d/);
  assert.equal(await page.getByText('All the words').count(), 0);
  await page.locator('.message').first().getByRole('button', { name: 'Text', exact: true }).click();
  await page.getByText('All the words').waitFor();
  if (!process.env.SCREENSHOTS) return;
  for (const width of [360, 800]) {
    for (const colorScheme of ['light', 'dark']) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(process.env.SCREENSHOTS, `mailbox-list-${width}-${colorScheme}.png`) });
    }
  }
});

async function started(t) {
  const engine = await startEngine({});
  t.after(() => engine.stop());
  await engine.configure(settings.EMAIL_ONLY);
  return engine;
}

async function visit(t, engine) {
  const person = await newPerson(browser);
  t.after(() => person.context.close());
  await person.page.goto(`${engine.url}/dev/mailbox`);
  return person;
}

/** Somebody begins to sign up, and is sent a code. */
async function begin(t, engine, address, locale = 'en') {
  const form = new URLSearchParams({ email_address: address, strategy: 'email_code', locale });
  const made = await fetch(`${engine.url}/v1/client/sign_ups?_is_native=1`, { method: 'POST', body: form });
  const { response } = await made.json();
  assert.equal(response?.object, 'sign_up_attempt');
  await engine.code(address);
}
