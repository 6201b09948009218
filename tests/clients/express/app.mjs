// An application with express and @clerk/express: a page to sign up at, a page for members, an administration, and a
// table of its own, which webhooks fill.

import { fileURLToPath } from 'node:url';
import { clerkMiddleware, getAuth } from '@clerk/express';
import { verifyWebhook } from '@clerk/express/webhooks';
import express from 'express';
import { headlessPage, signUpPage } from '../support/pages.mjs';

const PACKAGES = fileURLToPath(new URL('../node_modules/@clerk', import.meta.url));

/**
 * The application of the engine that `clerk` talks to; `site` is what its pages need. Its table is `customers`, by the
 * users' ids. `signingSecret` is that of the engine's webhooks.
 */
export function createApplication({ clerk, site, customers, signingSecret }) {
  const app = express();
  // The signature is over the bytes as they came.
  app.post('/webhooks', express.raw({ type: 'application/json' }), async (request, response) => {
    const event = await verifyWebhook(request, { signingSecret }).catch(() => null);
    if (!event) return response.sendStatus(400);
    const { id, email_addresses: addresses } = event.data;
    // An event may come twice, and late: the row is made once, and a deletion stays one.
    if (event.type === 'user.created' && !customers.has(id)) customers.set(id, { email: addresses[0].email_address });
    if (event.type === 'user.deleted') customers.set(id, null);
    return response.sendStatus(204);
  });
  app.use('/npm/@clerk', express.static(PACKAGES));
  app.get('/join', (request, response) => response.send(signUpPage(site)));
  app.get('/home', (request, response) => response.send(headlessPage(site)));

  const { publishableKey, secretKey } = site;
  app.use(clerkMiddleware({ clerkClient: clerk, publishableKey, secretKey }));
  app.get('/me', signedIn(clerk), (request, response) => response.json({ id: request.user.id }));

  const admin = express.Router();
  admin.use(signedIn(clerk), (request, response, next) => {
    if (request.user.privateMetadata.role === 'admin') next();
    else response.status(403).json({ error: 'for administrators' });
  });
  admin.get('/users', async (request, response) => {
    const { data, totalCount } = await clerk.users.getUserList({ orderBy: '+created_at', limit: 100 });
    const users = data.map(({ id, primaryEmailAddress, banned }) => ({ id, email: primaryEmailAddress.emailAddress, banned }));
    response.json({ users, totalCount });
  });
  admin.post('/users/:id/ban', async (request, response) => {
    const { banned } = await clerk.users.banUser(request.params.id);
    response.json({ banned });
  });
  admin.delete('/users/:id', async (request, response) => {
    const { deleted } = await clerk.users.deleteUser(request.params.id);
    response.json({ deleted });
  });
  app.use('/admin', admin);
  return app;
}

/**
 * Admits whoever is signed in, as `request.user`. A token lives for a minute, so this application asks for the user at
 * each request: whoever was banned or deleted since is out at once.
 */
function signedIn(clerk) {
  return async (request, response, next) => {
    const { userId } = getAuth(request);
    request.user = userId && (await clerk.users.getUser(userId).catch(nobody));
    if (request.user && !request.user.banned) next();
    else response.status(401).json({ error: 'not signed in' });
  };
}

function nobody(error) {
  if (error.status !== 404) throw error;
  return null;
}
