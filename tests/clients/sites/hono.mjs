// A site with Hono on Node.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { clerkMiddleware, getAuth } from '@clerk/hono';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { frontendApiProxy, listening, page, plainPage, site } from './pages.mjs';

const BUNDLES = fileURLToPath(new URL('../node_modules/@clerk/clerk-js/dist/', import.meta.url));

const app = new Hono();
app.get('/npm/@clerk/clerk-js/dist/:file', async (context) => {
  const script = await readFile(BUNDLES + context.req.param('file').replace(/[^\w.-]/g, ''));
  return context.body(script, 200, { 'Content-Type': 'text/javascript; charset=utf-8' });
});
app.use('*', clerkMiddleware({ frontendApiProxy, proxyUrl: site.proxyUrl }));
app.get('/plain', (context) => context.html(plainPage(getAuth(context).userId)));
app.get('/app', (context) => context.html(page()));
serve({ fetch: app.fetch, port: 0, hostname: 'localhost' }, ({ port }) => listening(port));
