// What a person does on the engine's own pages.

import assert from 'node:assert/strict';
import { newPerson } from './browser.mjs';
import { PASSWORD, startBeforeTests as start } from './scenario.mjs';

export { PASSWORD, browser, engine, skip } from './scenario.mjs';

/** One browser and one engine for all tests of a file. */
export function startBeforeTests() {
  start({ withPages: false });
}

/** A person of their own at a page of the engine, who sees no script fail. */
export async function visit(t, browser, engine, path = '/') {
  const { context, page, pageErrors } = await newPerson(browser);
  t.after(async () => {
    await context.close();
    assert.deepEqual(pageErrors, []);
  });
  await page.goto(engine.url + path);
  await page.locator('main input, main button').first().waitFor();
  return page;
}

/** Gives an address, and is asked for its code. */
export async function reachCode(page, address) {
  await page.getByLabel('E-mail address').fill(address);
  await page.getByRole('button', { name: 'Sign up' }).click();
  await page.getByLabel('The code we sent to').waitFor();
}

/** Types a code. */
export async function prove(page, code) {
  await page.getByLabel('The code we sent to').fill(code);
  await page.getByRole('button', { name: 'Verify' }).click();
}

/** Signs up with a password. */
export async function signUp(page, engine, address) {
  await page.getByLabel('Password').fill(PASSWORD);
  await reachCode(page, address);
  await prove(page, await engine.code(address));
  await page.getByRole('heading', { name: 'You are in' }).waitFor();
}

/** Loads the page anew, which then knows of no wait. */
export async function forgetWaits(page) {
  await page.evaluate(() => sessionStorage.clear());
  await page.reload();
}

/** The id of the element that has the focus. */
export function focused(page) {
  return page.evaluate(() => document.activeElement.id);
}
