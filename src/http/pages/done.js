// What somebody who is in sees: who they are, the token that says so, and what to do with it.

import { BASE, call } from './api.js';
import { actions, button, copyButton, element } from './elements.js';
import { act, change, state } from './state.js';
import { beginAgain } from './steps.js';

/** What was asked for on this view, for one session. */
const asked = { session: null, token: null, proof: '', me: null };

/** The view of an active session. */
export function doneView(session) {
  if (asked.session !== session.id) Object.assign(asked, { session: session.id, token: null, proof: '', me: null });
  asked.token ??= session.last_active_token?.jwt ?? null;
  const parts = [facts(session), token(session), next()];
  const isNew = state.signUp?.created_session_id === session.id;
  const lead = isNew ? 'The sign-up is complete and its session is active.' : 'You are signed in; this is your session.';
  return { title: 'You are in', lead, parts };
}

function facts(session) {
  const user = session.user;
  const names = [user.first_name, user.last_name].filter(Boolean).join(' ');
  const entries = [
    ['Name', names],
    ['E-mail', user.email_addresses.map((entry) => entry.email_address).join(', ')],
    ['Phone', user.phone_numbers.map((entry) => entry.phone_number).join(', ')],
    ['Username', user.username],
    ['User', user.id],
    ['Session', session.id],
  ].filter(([, value]) => value);
  return element('dl', {}, ...entries.flatMap(([name, value]) => [
    element('dt', {}, name),
    element('dd', {}, element('code', { id: `signed-in-${name.toLowerCase()}` }, value)),
  ]));
}

function token(session) {
  const fresh = button(asked.token ? 'New token' : 'Get a token', async () => {
    const answer = await act(() => call('POST', `/client/sessions/${session.id}/tokens`));
    if (answer.errors) return;
    Object.assign(asked, { token: answer.jwt ?? answer.response?.jwt, proof: '' });
    change();
  }, 'quiet small');
  const buttons = [fresh];
  const shown = [];
  if (asked.token) {
    buttons.unshift(copyButton(asked.token, 'Session token'));
    if (crypto.subtle) buttons.push(button('Verify it', verify, 'quiet small'));
    const box = element('pre', { id: 'token', className: 'token', tabIndex: 0 }, asked.token);
    box.setAttribute('aria-labelledby', 'token-title');
    shown.push(box, element('p', { className: 'muted' }, `Your backend is shown this with each request. It is good until ${clock(claims(asked.token).exp)}.`));
  }
  return element('section', { className: 'step' },
    element('h2', { id: 'token-title' }, 'Session token'), ...shown, actions(...buttons),
    element('p', { id: 'proof', role: 'status' }, asked.proof));
}

function next() {
  const line = `curl ${location.origin}${BASE}v1/jwks`;
  const me = button('Ask /v1/me', async () => {
    const answer = await act(() => call('GET', '/me'));
    if (answer.errors) return;
    asked.me = JSON.stringify(answer.response, null, 2);
    change();
  }, 'quiet small');
  const shown = asked.me ? [element('pre', { id: 'me', className: 'token', tabIndex: 0 }, asked.me)] : [];
  return element('section', { className: 'step' },
    element('h2', {}, 'What next'),
    element('ul', {},
      element('li', {}, 'Who is this? The engine says it to the browser: ', me),
      element('li', {}, 'With these keys any backend verifies the token: ', element('code', { id: 'curl' }, line), ' ', copyButton(line, 'Command'))),
    ...shown,
    actions(button('Sign out', () => leave(false)), button('Sign up another (signs you out)', () => leave(true), 'quiet')));
}

async function leave(another) {
  const answer = await act(() => call('DELETE', '/client/sessions'));
  if (answer.errors) return;
  Object.assign(asked, { session: null, token: null, proof: '', me: null });
  change({ signUp: null, signIn: null, view: 'sign-up', drafts: {}, notice: another ? '' : 'You are signed out.' });
  if (another) beginAgain();
}

/** Does what a backend does: finds the key that the token names, and checks signature and times with it. */
async function verify() {
  const [head, body, signature] = asked.token.split('.');
  const { keys = [] } = await call('GET', '/jwks');
  const jwk = keys.find((key) => key.kid === JSON.parse(decoded(head)).kid);
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const key = jwk && await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['verify']);
  const text = new TextEncoder().encode(`${head}.${body}`);
  const isSigned = key && await crypto.subtle.verify(algorithm, key, bytes(signature), text);
  const { sub, exp } = JSON.parse(decoded(body));
  if (!isSigned) asked.proof = 'The signature was not made with a key of this engine.';
  else if (exp * 1000 < Date.now()) asked.proof = 'The signature is right, and the token has expired. Get a new one.';
  else asked.proof = `The signature is right: this is ${sub}.`;
  change();
}

function claims(jwt) {
  return JSON.parse(decoded(jwt.split('.')[1]));
}

function decoded(text) {
  return new TextDecoder().decode(bytes(text));
}

function bytes(text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
}

function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString();
}
