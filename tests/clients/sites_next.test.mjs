// A site with Next.js and @clerk/nextjs: its build is the same for all keys.

import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startEngine } from './support/engine.mjs';
import { KEYS, SHORT_TOKENS, rendersWhoIsSignedIn } from './support/rendered.mjs';
import { skip, startBeforeTests } from './support/scenario.mjs';
import { environmentOf, start } from './support/site.mjs';
import * as settings from './support/settings.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const NEXT = join(HERE, 'node_modules/next/dist/bin/next');

let folder;

startBeforeTests({ withPages: false, withEngine: false });
before(async () => {
  if (!skip) folder = await build();
});
after(async () => {
  if (folder) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

describe('Next.js', { skip, concurrency: true }, () => {
  for (const [kind, key] of Object.entries(KEYS)) {
    test(`renders who is signed in, with ${kind}`, async (t) => {
      const engine = await startEngine({ key, settings: settings.EMAIL_AND_PASSWORD, more: SHORT_TOKENS });
      t.after(() => engine.stop());
      const parameters = [NEXT, 'start', '--port', '0', '--hostname', 'localhost'];
      const options = { cwd: folder, env: environmentOf(engine) };
      const site = await start(process.execPath, parameters, options, /Local:\s+(http:\/\/localhost:\d+)[^]*Ready in/);
      t.after(() => site.stop());
      await rendersWhoIsSignedIn(t, { engine, origin: site.origin, name: 'next' });
    });
  }
});

/** Builds the site in a folder of its own, whose path it returns. */
async function build() {
  const made = await mkdtemp(join(tmpdir(), 'vestibule-next-'));
  await cp(join(HERE, 'sites/next'), made, { recursive: true });
  await symlink(join(HERE, 'node_modules'), join(made, 'node_modules'));
  const bundles = 'npm/@clerk/clerk-js/dist';
  await cp(join(HERE, 'node_modules/@clerk/clerk-js/dist'), join(made, 'public', bundles), { recursive: true });
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', CI: '1' };
  await promisify(execFile)(process.execPath, [NEXT, 'build', '--webpack'], { cwd: made, env, maxBuffer: 1 << 24 });
  return made;
}
