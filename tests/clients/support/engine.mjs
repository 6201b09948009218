// A running engine, as a child process with a data directory of its own.

import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Engines still running when this process ends end with it, and their data with them.
const running = new Map();
process.on('exit', () => {
  for (const [child, directory] of running) {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  }
});
process.once('SIGTERM', () => process.exit(143));

/** What the application's backend shows to the engine. */
export const SECRET_KEY = `sk_live_${'0'.repeat(42)}`;

export const LIVE_KEY = publishableKey('live', 'clerk.localhost');
export const DEV_BROWSER_KEY = publishableKey('test', 'vestibule-test.clerk.accounts.dev');

/** What `[server]` says for an engine that serves the bundles of the packages that are installed here. */
export const WITH_BUNDLES = `npm_dir = ${JSON.stringify(fileURLToPath(new URL('../node_modules', import.meta.url)))}`;

/** The publishable key of an instance whose Frontend API claims to live on `host`. */
export function publishableKey(kind, host) {
  return `pk_${kind}_${Buffer.from(`${host}$`).toString('base64')}`;
}

/**
 * Starts the binary named by VESTIBULE_BIN and waits until it is ready.
 * Pages of `origins` may talk to it; `key` is the instance's publishable key, `publicUrl` where browsers think it is,
 * `instance` and `server` what these tables say besides, and `more` the rest of the configuration, as TOML.
 */
export async function startEngine({
  origins = [],
  key = LIVE_KEY,
  settings,
  publicUrl,
  instance = '',
  server = '',
  more = '',
} = {}) {
  const binary = process.env.VESTIBULE_BIN;
  if (!binary) throw new Error('VESTIBULE_BIN must name the vestibule binary');

  const directory = await mkdtemp(join(tmpdir(), 'vestibule-clients-'));
  let engine;
  for (let attempt = 1; !engine; attempt += 1) {
    try {
      engine = await launch(binary, directory, { origins, key, publicUrl, instance, server, more });
    } catch (error) {
      // The port was free a moment ago; somebody else may have been quicker.
      if (attempt === 3 || !/in use/i.test(error.message)) {
        await rm(directory, { recursive: true, force: true });
        throw error;
      }
    }
  }
  if (settings) await engine.configure(settings);
  return engine;
}

async function launch(binary, directory, options) {
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const config = join(directory, 'vestibule.toml');
  await writeFile(config, configuration({ ...options, port, publicUrl: options.publicUrl ?? url }));
  const child = spawn(binary, ['serve', '--config', config, '--data', join(directory, 'data')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.set(child, directory);
  child.once('exit', () => running.delete(child));
  await listening(child);
  await ready(url);
  return new Engine(child, url, options.key, directory);
}

function configuration({ port, publicUrl, origins, key, instance, server, more }) {
  return `[instance]
mode = "development"
publishable_key = "${key}"
secret_key = "${SECRET_KEY}"
${instance}

[server]
listen = "127.0.0.1:${port}"
public_url = "${publicUrl}"
allowed_origins = ${JSON.stringify(origins)}
${server}

[limits]
source = false

${more}`;
}

class Engine {
  #child;
  #directory;

  constructor(child, url, key, directory) {
    this.#child = child;
    this.#directory = directory;
    this.url = url;
    this.publishableKey = key;
  }

  /** Replaces the instance's settings by this whole document. */
  async configure(settings) {
    await this.#dev('PUT', '/dev/settings', settings);
  }

  /** Moves the engine's clock forward. */
  async advance(milliseconds) {
    await this.#dev('POST', '/dev/clock', { advance_ms: milliseconds });
  }

  /** Everything sent to an address so far, oldest first. */
  async messages(to) {
    const { messages } = await this.#dev('GET', `/dev/outbox?to=${encodeURIComponent(to)}`);
    return messages;
  }

  /** The newest code sent to an address, waiting until `count` messages have arrived there. */
  async code(to, count = 1) {
    return (await this.#newest(to, count)).code;
  }

  /** The newest link sent to an address, waiting likewise. */
  async link(to, count = 1) {
    return (await this.#newest(to, count)).link;
  }

  async #newest(to, count) {
    const deadline = Date.now() + 20_000;
    for (;;) {
      const messages = await this.messages(to);
      if (messages.length >= count) return messages.at(-1);
      if (Date.now() > deadline) {
        throw new Error(`${messages.length} of ${count} messages for ${to} within twenty seconds`);
      }
      await sleep(50);
    }
  }

  async jwks() {
    return (await fetch(`${this.url}/.well-known/jwks.json`)).json();
  }

  async stop() {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGTERM');
      const stubborn = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(stubborn);
    }
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #dev(method, path, body) {
    const response = await fetch(this.url + path, {
      method,
      headers: body ? { 'Content-Type': 'application/json' } : {},
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Waits until the engine tells an address; keeps draining both pipes afterwards. */
function listening(child) {
  return new Promise((resolve, reject) => {
    let told = '';
    const collect = (chunk) => {
      if (told.length < 65_536) told += chunk;
    };
    const fail = (reason) => {
      clearTimeout(patience);
      child.kill('SIGKILL');
      reject(new Error(`${reason}\n${told}`));
    };
    const patience = setTimeout(() => fail('the engine told no address within 30 s'), 30_000);
    child.once('error', (error) => fail(`the engine did not start: ${error.message}`));
    const ended = (code, signal) => fail(`the engine ended with ${code ?? signal}`);
    child.once('exit', ended);
    child.stderr.setEncoding('utf8').on('data', collect);
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      collect(chunk);
      if (!/https?:\/\/localhost:\d+/.test(told)) return;
      clearTimeout(patience);
      child.off('exit', ended);
      resolve();
    });
  });
}

async function ready(url) {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const response = await fetch(`${url}/health/ready`).catch(() => null);
    if (response?.ok) return;
    if (Date.now() > deadline) throw new Error(`${url}/health/ready: ${response?.status ?? 'no answer'}`);
    await sleep(50);
  }
}

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
