// What every site shows: who is signed in, as its server knows it, and clerk-js beside it where the page has it.

import { headlessPage, html } from '../support/pages.mjs';

/** What the site was started with. */
export const site = {
  key: process.env.CLERK_PUBLISHABLE_KEY,
  proxyUrl: process.env.CLERK_PROXY_URL,
};

/** With PROXY the site passes everything below `/__clerk` on to the engine. */
export const frontendApiProxy = process.env.PROXY ? { enabled: true } : undefined;

/** A page without scripts: what it shows was there before the browser did anything. */
export function plainPage(userId) {
  return html(`<p id="user">${userId ?? 'nobody'}</p>`);
}

/** A page with clerk-js. */
export function page() {
  return headlessPage(site);
}

/** Says where the site is. */
export function listening(port) {
  console.log(`listening on http://localhost:${port}`);
}
