// A site with fastify.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { clerkPlugin, getAuth } from '@clerk/fastify';
import Fastify from 'fastify';
import { listening, page, plainPage } from './pages.mjs';

const BUNDLES = fileURLToPath(new URL('../node_modules/@clerk/clerk-js/dist/', import.meta.url));

const app = Fastify();
app.get('/npm/@clerk/clerk-js/dist/:file', async (request, reply) => {
  reply.type('text/javascript; charset=utf-8');
  return readFile(BUNDLES + request.params.file.replace(/[^\w.-]/g, ''));
});
app.register(async (pages) => {
  await pages.register(clerkPlugin, { apiUrl: process.env.CLERK_API_URL, proxyUrl: process.env.CLERK_PROXY_URL });
  pages.get('/plain', async (request, reply) => reply.type('text/html').send(plainPage(getAuth(request).userId)));
  pages.get('/app', async (request, reply) => reply.type('text/html').send(page()));
});
await app.listen({ port: Number(process.env.PORT ?? 0), host: 'localhost' });
listening(app.server.address().port);
