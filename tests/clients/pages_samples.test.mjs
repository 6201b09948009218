// Every settings sample of config/settings on the engine's own page.

import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { startEngine } from './support/engine.mjs';
import { PASSWORD, visit } from './support/own_page.mjs';
import { browser, skip, startBeforeTests } from './support/scenario.mjs';

startBeforeTests({ withPages: false, withEngine: false });

const SAMPLES = readdirSync(new URL('../../config/settings', import.meta.url)).map((file) => file.replace('.toml', ''));

for (const sample of SAMPLES) {
  test(`the sample ${sample} signs somebody up on the page`, { skip }, async (t) => {
    const engine = await startEngine({ more: `[settings]\nfile = "${sample}"\n` });
    t.after(() => engine.stop());
    const page = await visit(t, browser, engine);
    const values = { email_address: 'sample@example.com', phone_number: '+12025550147', username: 'sampled', password: PASSWORD };
    for (const [name, value] of Object.entries(values)) {
      const box = page.locator(`#field-${name}`);
      if (await box.count()) await box.fill(value);
    }
    const consent = page.locator('#field-legal_accepted');
    if (await consent.count()) await consent.check();
    await page.getByRole('button', { name: 'Sign up' }).click();
    for (const name of ['email_address', 'phone_number']) {
      await page.locator('#status').waitFor();
      if (!(await page.locator('#unverified_fields').innerText()).includes(name)) continue;
      const box = page.locator(`#field-code-${name}`);
      await box.fill(await engine.code(values[name]));
      await box.press('Enter');
      await box.waitFor({ state: 'detached' });
    }
    await page.getByRole('heading', { name: 'You are in' }).waitFor();
  });
}
