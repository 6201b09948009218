// A site with fastify.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { clerkPlugin, getAuth } from '@clerk/fastify';
import Fastify from 'fastify';
import { frontendApiProxy, listening, page, plainPage, site } from './pages.mjs';

const BUNDLES = fileURLToPath(new URL('../node_modules/@clerk/clerk-js/dist/', import.meta.url));

const app = Fastify();
app.get('/npm/@clerk/clerk-js/dist/:file', async (request, reply) => {
  reply.type('text/javascript; charset=utf-8');
  return readFile(BUNDLES + request.params.file.replace(/[^\w.-]/g, ''));
});
// Before bodies are read, so that those that are passed on are still whole.
await app.register(clerkPlugin, { hookName: 'onRequest', apiUrl: process.env.CLERK_API_URL, frontendApiProxy, proxyUrl: site.proxyUrl });
app.get('/plain', async (request, reply) => reply.type('text/html').send(plainPage(getAuth(request).userId)));
app.get('/app', async (request, reply) => reply.type('text/html').send(page()));
await app.listen({ port: 0, host: 'localhost' });
listening(app.server.address().port);
