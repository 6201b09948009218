// Applications that load clerk-js and its components from the engine: nothing is changed but the publishable key and
// `proxyUrl`.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:https';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { WITH_BUNDLES, startEngine } from './support/engine.mjs';
import { html } from './support/pages.mjs';
import { PASSWORD, engine, pages, personFor, skip, startBeforeTests } from './support/scenario.mjs';
import * as settings from './support/settings.mjs';
import { SignUpForm } from './support/sign_up_form.mjs';

startBeforeTests({
  options: { settings: settings.EMAIL_AND_PASSWORD, server: WITH_BUNDLES },
  prepare: async () => {
    pages.proxy(engine.url);
    pages.serve('/react.js', await bundle('react/app.jsx'));
    pages.serve('/vue.js', await bundle('vue/app.mjs'));
  },
});

for (const framework of ['react', 'vue']) {
  test(`with @clerk/${framework} the key and a path of the application are all it takes`, { skip }, async (t) => {
    const { page, form, strayRequests, loaded } = await visit(t, `/${framework}`, framework, { proxyUrl: '/__clerk' });
    await signUp(form, engine, `${framework}@example.com`);
    await page.locator('#email').getByText(`${framework}@example.com`).waitFor();
    assert.deepEqual(strayRequests, []);
    // The two files by their major version, and what these load by the exact one.
    for (const name of ['clerk-js@6/dist/clerk.browser.js', 'ui@1/dist/ui.browser.js']) {
      assert.ok(loaded.some((url) => url === `${pages.origin}/__clerk/npm/@clerk/${name}`), `${name}: ${loaded}`);
    }
    assert.ok(loaded.some((url) => /\/npm\/@clerk\/ui@1\.\d+\.\d+\/dist\//.test(url)), `${loaded}`);
  });

  test(`with @clerk/${framework} and TLS the key and the engine's URL are all it takes`, { skip }, async (t) => {
    const tls = await startTls(t);
    const secure = await startEngine({
      settings: settings.EMAIL_AND_PASSWORD,
      publicUrl: tls.url,
      server: WITH_BUNDLES,
    });
    t.after(() => secure.stop());
    tls.forwardTo(secure.url);
    const { page, form, strayRequests, loaded } = await visit(t, `/${framework}-tls`, framework, { proxyUrl: tls.url }, tls.url);
    await signUp(form, secure, `${framework}-tls@example.com`);
    await page.locator('#email').getByText(`${framework}-tls@example.com`).waitFor();
    assert.deepEqual(strayRequests, []);
    assert.ok(loaded.length > 2 && loaded.every((url) => url.startsWith(`${tls.url}/npm/@clerk/`)), `${loaded}`);
  });
}

test('a script tag of a page of another origin takes the engine for its source', { skip }, async (t) => {
  const attributes = `data-clerk-publishable-key="${engine.publishableKey}" data-clerk-proxy-url="${engine.url}"`;
  pages.show(
    '/tag',
    html(`
      <div id="app"></div>
      <script crossorigin="anonymous" src="${engine.url}/npm/@clerk/ui@1/dist/ui.browser.js"></script>
      <script crossorigin="anonymous" ${attributes} src="${engine.url}/npm/@clerk/clerk-js@6/dist/clerk.browser.js"></script>
      <script>
        Clerk.load({ telemetry: false, ui: { ClerkUI: window.__internal_ClerkUICtor } })
          .then(() => Clerk.mountSignUp(document.getElementById('app'), { routing: 'hash', forceRedirectUrl: '/tag' }));
      </script>`),
  );
  const person = await personFor(t);
  await person.page.goto(`${pages.origin}/tag`);
  await signUp(new SignUpForm(person.page), engine, 'tag@example.com');
  await person.page.waitForFunction(() => window.Clerk?.user?.primaryEmailAddress.emailAddress === 'tag@example.com');
  assert.deepEqual(person.strayRequests, []);
  assert.deepEqual(person.pageErrors, []);
});

test('an engine without the files sends the browser where they are', { skip }, async (t) => {
  const bare = await startEngine({ origins: [pages.origin] });
  t.after(() => bare.stop());
  pages.show('/bare', html(`<script crossorigin="anonymous" src="${bare.url}/npm/@clerk/clerk-js@6/dist/clerk.browser.js"></script>`));
  const { page } = await personFor(t);
  const sent = page.waitForResponse((response) => response.status() === 307);
  await page.goto(`${pages.origin}/bare`);
  const location = (await sent).headers()['location'];
  assert.equal(location, 'https://cdn.jsdelivr.net/npm/@clerk/clerk-js@6/dist/clerk.browser.js');
});

/** A person at an application of a framework. `loaded` are the files of the packages that the page has loaded. */
async function visit(t, path, framework, options, origin = pages.origin) {
  const configuration = JSON.stringify({
    form: 'prebuilt',
    options: { publishableKey: engine.publishableKey, telemetry: false, ...options },
  });
  pages.show(
    path,
    html(`
      <div id="app"></div>
      <script type="application/json" id="configuration">${configuration}</script>
      <script src="/${framework}.js"></script>`),
  );
  const person = await personFor(t, { ignoreHTTPSErrors: true });
  const loaded = [];
  person.page.on('response', (response) => {
    if (response.url().includes('/npm/') && response.status() === 200) loaded.push(response.url());
  });
  await person.page.goto(origin + path);
  return { ...person, loaded, form: new SignUpForm(person.page) };
}

async function signUp(form, at, address) {
  await form.beginWith(address, PASSWORD);
  await form.enterCode(await at.code(address));
}

/** A proxy with TLS on a port of this machine: paths of an engine lead there, all others to the application's pages. */
async function startTls(t) {
  const pem = (name, kind) => {
    const der = readFileSync(new URL(`../support/tls/${name}.der`, import.meta.url));
    return `-----BEGIN ${kind}-----\n${der.toString('base64')}\n-----END ${kind}-----\n`;
  };
  let target;
  const server = createServer({ cert: pem('cert', 'CERTIFICATE'), key: pem('key', 'PRIVATE KEY') }, (request, response) => {
    const { hostname, port } = new URL(/^\/(v1|npm)\//.test(request.url) ? target : pages.origin);
    const { method, url, headers } = request;
    const passed = httpRequest({ hostname, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    passed.on('error', () => response.writeHead(502).end());
    request.pipe(passed);
  });
  await new Promise((resolve) => server.listen(0, 'localhost', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `https://localhost:${server.address().port}`,
    forwardTo: (url) => {
      target = url;
    },
  };
}

async function bundle(path) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(path, import.meta.url))],
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    jsx: 'automatic',
    define: {
      'process.env.NODE_ENV': '"production"',
      __VUE_OPTIONS_API__: 'true',
      __VUE_PROD_DEVTOOLS__: 'false',
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    },
    logLevel: 'error',
  });
  return outputFiles[0].text;
}
