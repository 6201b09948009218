// An OpenID provider of a kind that companies run for themselves, with its own pages to log in and to consent.

import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const CLIENT = { client_id: 'vestibule', client_secret: 'a secret between two servers' };

/** Starts one that sends people back to the engine at `engine`. `person` is who logs in there. */
export async function startProvider(engine) {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, 'localhost', resolve));
  const issuer = `http://localhost:${server.address().port}`;
  const people = new Map();

  const provider = new Provider(issuer, {
    clients: [{ ...CLIENT, redirect_uris: [`${engine.url}/v1/oauth_callback`] }],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['given_name', 'family_name', 'preferred_username'],
    },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people.get(id) }) }),
    cookies: { keys: ['a key for the cookies of a test'] },
  });
  server.on('request', provider.callback());

  return {
    issuer,
    /** Who `login` is at the provider. */
    know: (login, claims) => people.set(login, claims),
    /** What the engine's settings say of it. */
    settings: {
      social: {
        oauth_custom_acme: { enabled: true, authenticatable: true, strategy: 'oauth_custom_acme', name: 'Acme' },
      },
      oauth: { oauth_custom_acme: { ...CLIENT, issuer } },
    },
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What a person does on the provider's pages. */
export async function logIn(page, login) {
  await page.locator('input[name="login"]').fill(login);
  await page.locator('input[name="password"]').fill('whatever');
  await page.locator('button[type="submit"]').click();
  await page.locator('form button[type="submit"]').filter({ hasText: 'Continue' }).click();
}

/** The person changes their mind there. */
export async function cancel(page) {
  await page.getByText('[ Cancel ]').click();
}
