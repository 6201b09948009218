// A site with express. With PROXY it passes everything below /__clerk on to the engine.

import { fileURLToPath } from 'node:url';
import { clerkMiddleware, getAuth } from '@clerk/express';
import express from 'express';
import { listening, page, plainPage } from './pages.mjs';

const PACKAGES = fileURLToPath(new URL('../node_modules/@clerk', import.meta.url));

const app = express();
app.use('/npm/@clerk', express.static(PACKAGES));
app.use(clerkMiddleware(process.env.PROXY ? { frontendApiProxy: { enabled: true } } : {}));
app.get('/plain', (request, response) => response.send(plainPage(getAuth(request).userId)));
app.get('/app', (request, response) => response.send(page()));
const server = app.listen(Number(process.env.PORT ?? 0), 'localhost', () => listening(server.address().port));
