// @clerk/react, bundled as an application would.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { verify } from './support/backend.mjs';
import { WITH_BUNDLES } from './support/engine.mjs';
import { CLERK_JS, CLERK_UI, html } from './support/pages.mjs';
import { PASSWORD, engine, otherThan, pages, personFor, skip, startBeforeTests } from './support/scenario.mjs';
import * as settings from './support/settings.mjs';
import { SignUpForm } from './support/sign_up_form.mjs';

startBeforeTests({
  options: { settings: settings.EMAIL_AND_PASSWORD, server: WITH_BUNDLES },
  prepare: async () => {
    pages.proxy(engine.url);
    pages.serve('/app.js', await bundle());
  },
});

test('the prebuilt form inside a ClerkProvider with a proxyUrl signs up, and out again', { skip }, async (t) => {
  const { page, form, strayRequests } = await visit(t, '/absolute', 'prebuilt', {
    proxyUrl: engine.url,
    __internal_clerkJSUrl: CLERK_JS,
    __internal_clerkUIUrl: CLERK_UI,
  });
  await signUpByForm(form, 'absolute@example.com');

  await page.locator('#email').getByText('absolute@example.com').waitFor();
  await page.locator('#ask').click();
  await page.waitForFunction(() => document.getElementById('token').textContent !== '');
  const claims = await verify(engine, await page.locator('#token').innerText(), { authorizedParties: [pages.origin] });
  assert.equal(claims.sub, await page.locator('#user').innerText());

  await page.locator('#leave').click();
  await page.locator('.cl-card.cl-signUp-start').waitFor();
  assert.deepEqual(strayRequests, []);
});

test('behind a path of the application itself, the key and the path are all it takes', { skip }, async (t) => {
  const { page, form, strayRequests } = await visit(t, '/relative', 'prebuilt', { proxyUrl: '/__clerk' });
  await signUpByForm(form, 'relative@example.com');

  await page.locator('#email').getByText('relative@example.com').waitFor();
  await page.locator('#ask').click();
  await page.waitForFunction(() => document.getElementById('token').textContent !== '');
  await verify(engine, await page.locator('#token').innerText(), { authorizedParties: [pages.origin] });
  assert.deepEqual(strayRequests, []);
});

test('a form of the application itself signs up with useSignUp and shows its errors', { skip }, async (t) => {
  const { page } = await visit(t, '/own', 'own', {
    proxyUrl: engine.url,
    __internal_clerkJSUrl: CLERK_JS,
    __internal_clerkUIUrl: CLERK_UI,
  });
  await page.locator('input[name="email"]').fill('nobody');
  await page.locator('input[name="password"]').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign up' }).click();
  await page.waitForFunction(() => document.getElementById('email-error').textContent !== '');

  await page.locator('input[name="email"]').fill('own@example.com');
  await page.getByRole('button', { name: 'Sign up' }).click();
  const code = await engine.code('own@example.com');
  await page.locator('input[name="code"]').fill(otherThan(code));
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.waitForFunction(() => document.getElementById('code-error').textContent !== '');

  await page.locator('input[name="code"]').fill(code);
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.locator('#email').getByText('own@example.com').waitFor();
});

async function visit(t, path, form, options) {
  const configuration = JSON.stringify({
    form,
    options: { publishableKey: engine.publishableKey, telemetry: false, ...options },
  });
  pages.show(
    path,
    html(`
      <div id="app"></div>
      <script type="application/json" id="configuration">${configuration}</script>
      <script src="/app.js"></script>`),
  );
  const person = await personFor(t);
  await person.page.goto(pages.origin + path);
  return { ...person, form: new SignUpForm(person.page) };
}

async function signUpByForm(form, address) {
  await form.beginWith(address, PASSWORD);
  await form.enterCode(await engine.code(address));
}

async function bundle() {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('react/app.jsx', import.meta.url))],
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error',
  });
  return outputFiles[0].text;
}
