// Coming back: what somebody who has an account does and sees.

import { call } from './api.js';
import { actions, button, element, focusFirst, form, labelled } from './elements.js';
import { field, identifiers, inSentence, mode, providers } from './fields.js';
import { act, change, errorsAt, forgive, state } from './state.js';
import { leaveFor, moveOn, showSignUp } from './steps.js';
import { counting, wait } from './waits.js';

const RESEND_S = 30;

export function showSignIn() {
  change({ view: 'sign-in', over: null, errors: [], notice: '', again: null, signIn: null });
  focusFirst('#field-identifier');
}

/** Begins with an identifier that is known to have an account. */
export async function beginSignIn(identifier) {
  showSignIn();
  state.drafts.identifier = identifier;
  await begin();
}

/** The view of a sign-in. */
export function signInView() {
  const open = state.signIn?.status === 'needs_first_factor' ? state.signIn : null;
  const parts = open ? factorForms(open) : [identifierForm(), ...providers().map(providerButton)];
  const other = open ? button('Use another account', showSignIn, 'quiet') : null;
  if (other) parts.push(actions(other));
  parts.push(element('p', { className: 'muted aside' }, 'No account yet? ', button(WAYS_IN[mode()], showSignUp, 'link')));
  return { title: 'Sign in', lead: open?.identifier ?? 'With what you signed up with.', parts };
}

async function begin() {
  const identifier = (state.drafts.identifier ?? '').trim();
  if (!identifier) return complain('identifier', `Enter your ${identifierWords()}.`);
  await act(() => call('POST', '/client/sign_ins', { identifier }), { waiting: 'sign-in' });
  moveOn();
}

async function attempt(proof, place) {
  const path = `/client/sign_ins/${state.signIn.id}/attempt_first_factor`;
  const answer = await act(() => call('POST', path, proof), { about: 'sign_in', waiting: 'sign-in' });
  if (!answer.errors || state.errors.some((error) => error.place)) delete state.drafts[place];
  change();
  moveOn();
}

async function send(factor) {
  const { strategy, email_address_id: email, phone_number_id: phone } = factor;
  const wish = { strategy, ...(email ? { email_address_id: email } : { phone_number_id: phone }) };
  const path = `/client/sign_ins/${state.signIn.id}/prepare_first_factor`;
  const answer = await act(() => call('POST', path, wish), { about: 'sign_in', waiting: `send:${strategy}` });
  if (!answer.errors) wait(`send:${strategy}`, RESEND_S);
  moveOn();
}

/** What people can sign in with, in a sentence. */
function identifierWords() {
  const names = identifiers().map(inSentence);
  return [names.slice(0, -1).join(', '), ...names.slice(-1)].filter(Boolean).join(' or ') || 'identifier';
}

function identifierForm() {
  const missing = state.errors.some((error) => error.code === 'form_identifier_not_found');
  const words = identifierWords();
  const only = identifiers().length === 1 ? field(identifiers()[0]) : { type: 'text' };
  const box = labelled(
    {
      name: 'identifier', label: words[0].toUpperCase() + words.slice(1), errors: errorsAt('identifier'),
      remedy: missing && mode() === 'public' ? button('Create an account', showSignUp, 'link') : null,
    },
    { type: only.type, placeholder: only.placeholder ?? '', autocomplete: 'username', value: state.drafts.identifier ?? '' },
    (value) => { state.drafts.identifier = value; },
    () => corrected('identifier'),
  );
  return form(begin, box, counting(button('Continue', null), 'sign-in'));
}

/** One form for each way that this account has. */
function factorForms(signIn) {
  const factors = signIn.supported_first_factors ?? [];
  const parts = factors.map((factor) => {
    if (factor.strategy === 'password') return passwordForm();
    if (factor.strategy === 'email_code' || factor.strategy === 'phone_code') return codeForm(factor, signIn);
    if (!factor.strategy.startsWith('oauth_')) return null;
    return providerButton(state.environment.user_settings.social?.[factor.strategy] ?? factor);
  });
  return parts.filter((part) => part !== null);
}

function providerButton({ strategy, name }) {
  return actions(button(`Continue with ${name || strategy}`, () => leaveFor(strategy, '/client/sign_ins'), 'quiet wide'));
}

function passwordForm() {
  const box = labelled(
    { name: 'password', label: 'Password', errors: errorsAt('password') },
    { type: 'password', autocomplete: 'current-password', value: state.drafts.password ?? '' },
    (value) => { state.drafts.password = value; },
    () => corrected('password'),
  );
  const submit = () => {
    if (!state.drafts.password) return complain('password', 'Enter your password.');
    return attempt({ strategy: 'password', password: state.drafts.password }, 'password');
  };
  return form(submit, box, counting(button('Sign in', null), 'sign-in'));
}

function codeForm(factor, signIn) {
  const { strategy, safe_identifier: address } = factor;
  const verification = signIn.first_factor_verification;
  if (verification?.strategy !== strategy || verification.status !== 'unverified') {
    const isFailed = verification?.strategy === strategy && verification.status === 'failed';
    const said = isFailed ? [element('p', { role: 'status' }, 'Those were too many wrong codes.')] : [];
    return form(() => send(factor), ...said, counting(button(`Send a code to ${address}`, null, 'quiet wide'), `send:${strategy}`));
  }
  const place = 'code:sign_in';
  const box = labelled(
    { name: place, label: `The code we sent to ${address}`, errors: errorsAt(place), kind: 'code' },
    { type: 'text', inputMode: 'numeric', autocomplete: 'one-time-code', maxLength: 32, value: state.drafts[place] ?? '' },
    (value) => { state.drafts[place] = value; },
    () => corrected(place),
  );
  const submit = () => {
    const code = (state.drafts[place] ?? '').trim();
    return code ? attempt({ strategy, code }, place) : complain(place, 'Enter the code from the message.');
  };
  const again = counting(button('Send again', () => send(factor), 'quiet'), `send:${strategy}`);
  return form(submit, box, actions(counting(button('Verify', null), 'sign-in'), again));
}

function complain(place, text) {
  change({ errors: [{ place, long_message: text }] });
  moveOn();
}

function corrected(place) {
  forgive(place);
  document.dispatchEvent(new Event('corrected'));
}

/** What is offered to somebody without an account, by who may sign up. */
const WAYS_IN = { public: 'Create one', waitlist: 'Join the waiting list', restricted: 'Who can sign up?' };
