// The application's own origin: a few small pages and the packages' bundles, nothing from elsewhere.

import { readFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import { dirname, extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const BUNDLES = {
  'clerk-js': join(ROOT, 'node_modules/@clerk/clerk-js/dist'),
  ui: join(ROOT, 'node_modules/@clerk/ui/dist'),
};
const TYPES = { '.js': 'text/javascript; charset=utf-8', '.html': 'text/html; charset=utf-8' };

/** Where the bundles are, seen from a page. A version selector in the path is accepted and ignored. */
export const CLERK_JS = '/npm/@clerk/clerk-js/dist/clerk.browser.js';
export const CLERK_UI = '/npm/@clerk/ui/dist/ui.browser.js';

/**
 * Serves on a port of its own. `show(path, html)` puts a page there and below it;
 * `serve(path, script)` a script; `proxy(url)` forwards `/__clerk` to an engine on the same origin.
 */
export async function startPages() {
  const documents = new Map();
  const scripts = new Map();
  let upstream = null;

  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    try {
      const bundle = /^(?:\/npm|\/node_modules)\/@clerk\/(clerk-js|ui)(?:@[^/]+)?\/dist\/(.+)$/.exec(pathname);
      if (bundle) return reply(response, extname(bundle[2]), await bundled(bundle[1], bundle[2]));
      if (upstream && pathname.startsWith('/__clerk/')) return forward(upstream, request, response);
      if (scripts.has(pathname)) return reply(response, '.js', scripts.get(pathname));
      const page = [...documents.keys()].find((path) => pathname === path || pathname.startsWith(`${path}/`));
      if (page) return reply(response, '.html', documents.get(page));
      response.writeHead(404).end();
    } catch (error) {
      response.writeHead(error.code === 'ENOENT' ? 404 : 500).end();
    }
  });
  await new Promise((resolve) => server.listen(0, 'localhost', resolve));

  return {
    origin: `http://localhost:${server.address().port}`,
    show: (path, html) => documents.set(path, html),
    serve: (path, script) => scripts.set(path, script),
    proxy: (url) => {
      upstream = url;
    },
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A page that loads clerk-js by script tag, without the components. */
export function headlessPage({ key, proxyUrl }) {
  return html(`
    <script src="${CLERK_JS}" data-clerk-publishable-key="${key}" data-clerk-proxy-url="${proxyUrl}"></script>
    <script>window.ready = Clerk.load({ telemetry: false });</script>`);
}

/** A page with `<SignUp/>`, which sends whoever finishes to `/home`. */
export function signUpPage({ key, proxyUrl }) {
  return html(`
    <div id="app"></div>
    <script src="${CLERK_UI}"></script>
    <script src="${CLERK_JS}" data-clerk-publishable-key="${key}" data-clerk-proxy-url="${proxyUrl}"></script>
    <script>
      window.ready = Clerk.load({ telemetry: false, ui: { ClerkUI: window.__internal_ClerkUICtor } })
        .then(() => Clerk.mountSignUp(document.getElementById('app'), { routing: 'hash', forceRedirectUrl: '/home' }));
    </script>`);
}

/** The same with `<SignIn/>`. */
export function signInPage({ key, proxyUrl }) {
  return signUpPage({ key, proxyUrl }).replace('Clerk.mountSignUp', 'Clerk.mountSignIn');
}

/** The same with `<Waitlist/>`. */
export function waitlistPage({ key, proxyUrl }) {
  return signUpPage({ key, proxyUrl }).replace('Clerk.mountSignUp', 'Clerk.mountWaitlist');
}

export function html(body) {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>An application</title><link rel="icon" href="data:,"></head>
<body>${body}</body>
</html>`;
}

function bundled(name, file) {
  const path = normalize(join(BUNDLES[name], file));
  if (!path.startsWith(BUNDLES[name] + sep)) throw Object.assign(new Error('outside'), { code: 'ENOENT' });
  return readFile(path);
}

function reply(response, extension, body) {
  const type = TYPES[extension] ?? 'application/octet-stream';
  response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(body);
}

/** A reverse proxy as an application would configure one: the path's prefix is cut, the rest is passed on. */
function forward(upstream, request, response) {
  const target = new URL(upstream);
  const passed = httpRequest(
    {
      host: target.hostname,
      port: target.port,
      method: request.method,
      path: request.url.slice('/__clerk'.length),
      headers: { ...request.headers, host: target.host },
    },
    (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    },
  );
  passed.on('error', () => response.writeHead(502).end());
  request.pipe(passed);
}
