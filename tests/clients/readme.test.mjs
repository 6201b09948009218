// The pages and scripts of README.md and of the guide's first page, as they are written there: a page pasted into a file, a
// component compiled, a script given a token. (Their shell and configuration are run by tests/it/readme.rs, their Rust as
// documentation tests.)

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { browserMissing, launchBrowser, newPerson } from './support/browser.mjs';
import { SECRET_KEY, startEngine } from './support/engine.mjs';
import { html, startPages } from './support/pages.mjs';
import { PASSWORD } from './support/scenario.mjs';
import { SignUpForm } from './support/sign_up_form.mjs';

const skip = browserMissing ?? false;
const TEXT = (
  await Promise.all(
    ['../../README.md', '../../src/guide/getting_started.md'].map((path) => readFile(new URL(path, import.meta.url), 'utf8')),
  )
).join('\n');
/** Where the snippets say that things are. */
const ORIGIN = 'http://localhost:3000';
const ENGINE = 'http://localhost:8080';

let browser;
let engine;
let pages;

before(async () => {
  engine = await startEngine({ origins: [ORIGIN], publicUrl: ENGINE });
  if (skip) return;
  pages = await startPages();
  browser = await launchBrowser({
    'localhost:3000': new URL(pages.origin).host,
    'localhost:8080': new URL(engine.url).host,
  });
});

after(async () => {
  await browser?.close();
  await engine?.stop();
  await pages?.stop();
});

blocks('html').forEach((page, at) => {
  test(`page ${at + 1} of the documents signs a person up`, { skip }, async (t) => {
    pages.show('/', page);
    await signUp(t, `page${at}@example.com`);
  });
});

blocks('jsx').forEach((component, at) => {
  test(`component ${at + 1} of the documents signs a person up`, { skip }, async (t) => {
    pages.serve('/app.js', await bundle(component));
    pages.show('/', html('<div id="app"></div><script src="/app.js"></script>'));
    const page = await signUp(t, `component${at}@example.com`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.locator('.cl-card.cl-signUp-start').waitFor();
  });
});

blocks('js').forEach((script, at) => {
  test(`script ${at + 1} of the documents tells whose the token is that the walk with curl ends in`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'vestibule-readme-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    await symlink(fileURLToPath(new URL('node_modules', import.meta.url)), join(folder, 'node_modules'));
    await writeFile(join(folder, 'verify.mjs'), script);
    const env = { ...process.env, api: engine.url, SECRET_KEY };
    const run = async (command, ...args) => (await promisify(execFile)(command, args, { env, cwd: folder, timeout: 60_000 })).stdout.trim();

    const walk = blocks('bash').find((text) => text.includes('/tokens?'));
    const token = (await run('bash', '-euo', 'pipefail', '-c', walk)).split('\n').at(-1);
    assert.match(token, /^eyJ/);
    assert.match(await run('node', 'verify.mjs', token), /^user_/);
    // Somebody else's word is none.
    const forged = token.replace(/\.[^.]*$/, `.${Buffer.alloc(256, 7).toString('base64url')}`);
    await assert.rejects(run('node', 'verify.mjs', forged), /signature/i);
  });
});

/** The blocks of a kind on both pages, of which there is one at least. */
function blocks(kind) {
  const found = [...TEXT.matchAll(/^```(\S*)\n([\s\S]*?)^```$/gm)].filter((block) => block[1] === kind);
  assert.ok(found.length > 0, `there is no ${kind} block any more`);
  return found.map((block) => block[2]);
}

async function signUp(t, address) {
  const person = await newPerson(browser);
  t.after(() => person.context.close());
  const form = new SignUpForm(person.page);
  await form.open(`${ORIGIN}/`);
  await form.beginWith(address, PASSWORD);
  const attempted = await form.enterCode(await engine.code(address));
  assert.equal(attempted.body.response.status, 'complete');
  // A page may go elsewhere with the session; what waits for a function goes on behind that.
  await person.page.waitForFunction((of) => window.Clerk?.user?.primaryEmailAddress?.emailAddress === of, address);
  assert.deepEqual(person.strayRequests, []);
  assert.deepEqual(person.pageErrors, []);
  return person.page;
}

async function bundle(component) {
  const { outputFiles } = await build({
    stdin: { contents: component, loader: 'jsx', resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    write: false,
    format: 'iife',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error',
  });
  return outputFiles[0].text;
}
