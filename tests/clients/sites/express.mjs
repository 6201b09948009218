// A site with express.

import { fileURLToPath } from 'node:url';
import { clerkMiddleware, getAuth } from '@clerk/express';
import express from 'express';
import { frontendApiProxy, listening, page, plainPage } from './pages.mjs';

const PACKAGES = fileURLToPath(new URL('../node_modules/@clerk', import.meta.url));

const app = express();
app.use('/npm/@clerk', express.static(PACKAGES));
app.use(clerkMiddleware({ frontendApiProxy }));
app.get('/plain', (request, response) => response.send(plainPage(getAuth(request).userId)));
app.get('/app', (request, response) => response.send(page()));
const server = app.listen(0, 'localhost', () => listening(server.address().port));
