// The sign-up page: signs a person up through the Frontend API of this origin, as the instance's settings ask for it.
// Begin reading here; `steps.js` are the calls, `state.js` is what is known, `sign_up.js`, `sign_in.js` and `done.js`
// are what is seen.

import { call } from './api.js';
import { actions, button, element, showInstance } from './elements.js';
import { doneView } from './done.js';
import { overView, signUpView } from './sign_up.js';
import { signInView } from './sign_in.js';
import { activeSession, beganAnother, change, ending, message, onChange, signUpOf, state } from './state.js';
import { moveOn, start } from './steps.js';
import { whenOver } from './waits.js';

const LISTS = [
  ['required_fields', 'Required'],
  ['optional_fields', 'Optional'],
  ['missing_fields', 'Missing'],
  ['unverified_fields', 'Unverified'],
];

onChange(render);
document.addEventListener('corrected', showAlert);
document.addEventListener('visibilitychange', look);
whenOver((name) => {
  state.errors = state.errors.filter((error) => error.waiting !== name);
  showAlert();
});
start();

/** Whoever comes back to this tab sees how things stand now: other tabs sign people in and out, too. */
async function look() {
  if (document.hidden || state.busy || !state.environment) return;
  const shown = activeSession()?.id;
  const { response: client, errors } = await call('GET', '/client');
  if (errors || state.busy) return;
  const before = state.client;
  state.client = client;
  if (activeSession()?.id !== shown) {
    change({ over: shown && !activeSession() ? 'You were signed out elsewhere.' : null, signUp: signUpOf(client) });
  } else if (state.view === 'sign-in' || !beganAnother(client)) state.client = before;
}

function render() {
  const focused = keptFocus();
  const { title, lead, parts } = view();
  const display = state.environment?.display_config;
  const name = display?.application_name;
  document.getElementById('title').textContent = title;
  document.getElementById('lead').textContent = lead;
  if (display) showInstance(display);
  document.title = name ? `${title} · ${name}` : title;
  const section = document.getElementById('view');
  section.setAttribute('aria-busy', String(state.busy));
  // While a call is under way nothing else begins, and the person stays where they are.
  if (!state.busy) {
    section.replaceChildren(...parts);
    focused();
  }
  document.getElementById('notice').textContent = state.notice;
  document.getElementById('notice').hidden = !state.notice;
  showAlert();
  document.getElementById('progress').replaceChildren(...progress());
  document.getElementById('owner').replaceChildren(...owner());
}

function view() {
  const session = activeSession();
  if (session) return doneView(session);
  if (!state.environment) return { title: 'Create your account', lead: state.errors.length ? '' : 'One moment…', parts: [] };
  if (ending() && state.view === 'sign-up') return overView(ending());
  return state.view === 'sign-in' ? signInView() : signUpView();
}

/** What has no place of its own on the page is told above it. */
function showAlert() {
  const alert = document.getElementById('alert');
  const isPlaced = (error) => error.place && document.getElementById(`field-${error.place.replace(':', '-')}-error`);
  const texts = state.errors.filter((error) => !isPlaced(error)).map(message);
  const again = state.again && texts.length ? [actions(button('Try again', () => tryAgain(state.again), 'quiet small'))] : [];
  const said = alert.firstChild?.textContent ?? '';
  if (said !== texts.join(' ') || Boolean(alert.querySelector('button')) !== again.length > 0) {
    alert.replaceChildren(...(texts.length ? [element('span', {}, texts.join(' '))] : []), ...again);
  }
  alert.hidden = texts.length === 0;
}

async function tryAgain(again) {
  await again();
  moveOn();
}

/** Drawing the view anew takes nothing out of the hands of somebody who types. */
function keptFocus() {
  const { id, selectionStart, selectionEnd } = document.activeElement ?? {};
  const isText = document.activeElement?.matches('#view input[id]');
  return () => {
    const node = isText ? document.getElementById(id) : null;
    node?.focus();
    if (node && selectionStart !== null && node.type !== 'checkbox' && node.type !== 'email') node.setSelectionRange(selectionStart, selectionEnd);
  };
}

function progress() {
  if (!state.signUp) return [element('p', { className: 'muted' }, 'No sign-up yet.')];
  const parts = [element('dl', {},
    element('dt', {}, 'Sign-up'), element('dd', {}, element('code', {}, state.signUp.id)),
    element('dt', {}, 'Status'), element('dd', {}, element('code', { id: 'status' }, state.signUp.status)))];
  for (const [key, title] of LISTS) {
    const names = state.signUp[key];
    const entries = names.length ? names : ['nothing'];
    parts.push(element('h3', {}, title));
    parts.push(element('ul', { id: key, className: names.length ? 'chips' : 'chips empty' }, ...entries.map((name) => element('li', {}, name))));
  }
  return parts;
}

/** Where the pages of the application's owner are. */
function owner() {
  const display = state.environment?.display_config ?? {};
  const links = [
    [display.home_url, display.application_name],
    [display.terms_url, 'Terms'],
    [display.privacy_policy_url, 'Privacy'],
    [display.support_email && `mailto:${display.support_email}`, 'Help'],
  ].filter(([url]) => url);
  return links.map(([href, text]) => element('a', { href }, text));
}
