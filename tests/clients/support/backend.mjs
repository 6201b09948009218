// What a server of the application does with a token or with a browser's cookies.

import { createPublicKey } from 'node:crypto';
import { createClerkClient, verifyToken } from '@clerk/backend';
import { SECRET_KEY } from './engine.mjs';

/** The backend package, as the application's server uses it. */
export function backendOf(engine) {
  return createClerkClient({
    apiUrl: engine.url,
    publishableKey: engine.publishableKey,
    secretKey: SECRET_KEY,
    telemetry: { disabled: true },
  });
}

/** Verifies a session token twice: with keys fetched from the engine, and with its key as PEM. */
export async function verify(engine, token, options = {}) {
  const claims = await verifyToken(token, {
    apiUrl: engine.url,
    secretKey: SECRET_KEY,
    skipJwksCache: true,
    ...options,
  });
  await verifyToken(token, { jwtKey: await pem(engine, token), ...options });
  return claims;
}

/** What the backend package makes of a page request that carries these cookies. */
export async function authenticate(engine, url, cookie, token) {
  const request = new Request(url, {
    headers: { Cookie: cookie, Accept: 'text/html', 'Sec-Fetch-Dest': 'document' },
  });
  return backendOf(engine).authenticateRequest(request, { jwtKey: await pem(engine, token) });
}

async function pem(engine, token) {
  const { kid } = JSON.parse(Buffer.from(token.split('.')[0], 'base64url').toString());
  const { keys } = await engine.jwks();
  const key = keys.find((candidate) => candidate.kid === kid);
  return createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
}
