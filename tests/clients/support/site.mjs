// A site of an application as a process of its own, which has its keys from the environment as Clerk's packages expect.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SECRET_KEY } from './engine.mjs';

// Sites still running when this process ends end with it.
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** The environment of a site whose engine is `engine`, reached by browsers at `proxyUrl`. */
export function environmentOf(engine, proxyUrl = engine.url) {
  return {
    ...process.env,
    CLERK_PUBLISHABLE_KEY: engine.publishableKey,
    CLERK_SECRET_KEY: SECRET_KEY,
    CLERK_API_URL: engine.url,
    CLERK_PROXY_URL: proxyUrl,
    CLERK_FAPI_URL: engine.url,
    CLERK_TELEMETRY_DISABLED: '1',
    NEXT_TELEMETRY_DISABLED: '1',
  };
}

/**
 * Starts a file of `sites` on a free port, and waits until it says where it is. Its engine need not know it before: in
 * development all pages of this machine are allowed.
 */
export function startSite(name, environment) {
  const file = fileURLToPath(new URL(`../sites/${name}.mjs`, import.meta.url));
  return start(process.execPath, [file], { env: environment }, /listening on (http:\/\/\S+)/);
}

/** Starts a command and waits for an output that matches; `origin` is its first group. */
export function start(command, parameters, options, expected) {
  const child = spawn(command, parameters, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  running.add(child);
  let told = '';
  return new Promise((resolve, reject) => {
    const patience = setTimeout(() => fail('it did not start within a minute'), 60_000);
    const fail = (reason) => {
      clearTimeout(patience);
      child.kill('SIGKILL');
      reject(new Error(`${command} ${parameters.join(' ')}: ${reason}\n${told}`));
    };
    const collect = (chunk) => {
      if (told.length < 65_536) told += chunk;
      const [, origin] = expected.exec(told) ?? [];
      if (!origin) return;
      clearTimeout(patience);
      resolve({ origin, log: () => told, stop: () => stop(child) });
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code, signal) => {
      running.delete(child);
      fail(`it ended with ${code ?? signal}`);
    });
  });
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const stubborn = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(stubborn);
}
