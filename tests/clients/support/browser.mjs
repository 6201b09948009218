// Chromium, driven without a window.

import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Why there is no browser here, or null. */
export const browserMissing = existsSync(EXECUTABLE) ? null : `no Chromium at ${EXECUTABLE}`;

/** `places` are other places for `host:port` on this machine: what a page calls the one is the other. */
export async function launchBrowser(places = {}) {
  const rules = Object.entries(places).map(([from, to]) => `MAP ${from} ${to}`);
  const mark = `--vestibule-tests=${randomUUID()}`;
  const browser = await chromium.launch({
    executablePath: EXECUTABLE,
    headless: true,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      mark,
      ...(rules.length ? [`--host-resolver-rules=${rules.join(', ')}`] : []),
    ],
  });
  // A browser that does not end when it is asked to would hold up the whole suite.
  const close = browser.close.bind(browser);
  browser.close = async (...options) => {
    const stubborn = setTimeout(() => kill(mark), 10_000);
    await close(...options);
    clearTimeout(stubborn);
  };
  return browser;
}

/** Ends the processes that have `argument` among theirs. */
function kill(argument) {
  for (const id of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${id}/cmdline`, 'utf8').split('\0').includes(argument)) process.kill(Number(id), 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
}

/**
 * A person with a browser profile of their own. Requests to anywhere but this machine are
 * refused and remembered in `strayRequests`; uncaught page errors are in `pageErrors`. `options` are those of a context.
 */
export async function newPerson(browser, options = {}) {
  const context = await browser.newContext({ locale: 'en-US', timezoneId: 'UTC', ...options });
  const strayRequests = [];
  const pageErrors = [];
  await context.route(
    (url) => url.hostname !== 'localhost',
    (route) => {
      strayRequests.push(route.request().url());
      return route.abort();
    },
  );
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  page.on('pageerror', (error) => pageErrors.push(error.message));
  return { context, page, strayRequests, pageErrors };
}

/** The cookies the browser would send to `url`, as one header line. */
export async function cookieHeader(context, url) {
  const cookies = await context.cookies(url);
  return cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
}
