// What the page knows, what follows from it, and how a call to the engine changes it. It draws nothing.

import { UNREACHED, call } from './api.js';
import { isSetAside, takeBack } from './set_aside.js';
import { wait } from './waits.js';

/**
 * `view`: "sign-up" or "sign-in". `over`: why the sign-up or session that was shown is no more. `changing`: the field
 * of the address that is being changed. `drafts`: what was typed and not taken yet. Of an error, `place` is the input it
 * belongs to; one without a place goes into the alert.
 */
export const state = {
  environment: null, client: null, signUp: null, signIn: null,
  view: 'sign-up', over: null, changing: null, notice: '',
  busy: false, errors: [], again: null, drafts: {},
};

let draw = () => {};

/** `drawing` is called after every change. */
export function onChange(drawing) {
  draw = drawing;
}

export function change(patch = {}) {
  Object.assign(state, patch);
  draw();
}

/**
 * Makes one call and keeps its outcome. `about` is the field whose code the call is about, `waiting` the name of the
 * wait that a refusal for now begins. Calls are made one after the other; one of a name that is under way already, such
 * as the second of two quick clicks, is not made.
 */
export async function act(request, { about = null, waiting = 'fields' } = {}) {
  if (underWay.has(waiting)) return { errors: [] };
  underWay.add(waiting);
  const turn = last.then(async () => {
    change({ busy: true, notice: '' });
    const answer = await request();
    underWay.delete(waiting);
    if (answer.errors) await refused(answer, () => act(request, { about, waiting }), about, waiting);
    else taken(answer);
    return answer;
  });
  last = turn.catch(() => {});
  return turn;
}

let last = Promise.resolve();
const underWay = new Set();

function taken(answer) {
  const patch = { busy: false, errors: [], again: null, over: null, client: answer.client ?? state.client };
  const kind = answer.response?.object;
  if (kind === 'sign_up_attempt') {
    takeBack(answer.response.id);
    patch.signUp = answer.response;
  }
  // A password that was taken is kept nowhere on the page.
  if (answer.response?.has_password) delete state.drafts.password;
  if (kind === 'sign_in_attempt') patch.signIn = answer.response;
  change(patch);
}

async function refused(answer, again, about, waiting) {
  if (await lookAgainIfOver(answer.errors)) return;
  if (answer.retryAfter) wait(waiting, answer.retryAfter);
  const errors = answer.errors.map((error) => ({ ...error, ...placed(error, answer.retryAfter, about, waiting) }));
  const client = answer.meta?.client ?? state.client;
  const repeats = answer.errors.some((error) => error.code === UNREACHED);
  state.signUp = newest(state.signUp, client?.sign_up);
  state.signIn = newest(state.signIn, client?.sign_in);
  change({ busy: false, errors: errors.filter((error) => !isSaidByItsForm(error, about)), client, again: repeats ? again : null });
}

/** What is known of `shown` now. */
function newest(shown, told) {
  return shown && told?.id === shown.id ? told : shown;
}

/** Where no code is taken any more, the form says why; the word about the last code has no place beside that. */
function isSaidByItsForm(error, about) {
  if (error.place !== `code:${about}`) return false;
  const verification = about === 'sign_in' ? state.signIn?.first_factor_verification : state.signUp?.verifications[about];
  return verification?.status === 'failed';
}

function placed(error, retryAfter, about, waiting) {
  if (retryAfter) return { place: null, waiting, long_message: `${refusal(error)} You can try again in ${inWords(retryAfter)}.` };
  const param = error.meta?.param_name;
  if (param && param !== 'code') return { place: param };
  const isOfCode = param === 'code' || error.code?.startsWith('verification_');
  return { place: about && isOfCode ? `code:${about}` : null };
}

function refusal(error) {
  if (error.code === 'verification_code_too_many_requests') return 'A message was sent a moment ago.';
  return error.code === 'too_many_requests' ? 'Too many requests.' : message(error).replace(/ Please try again.*$/, '');
}

/**
 * Where errors say that what the page shows is no more for this person, shows what there is instead: the engine knows.
 * Returns whether they say so.
 */
export async function lookAgainIfOver(errors) {
  const end = errors.find((error) => OVER.includes(error.code));
  if (!end) return false;
  const { response: client, errors: others } = await call('GET', '/client');
  if (!others && beganAnother(client)) return true;
  keepDrafts();
  const signUp = others ? null : signUpOf(client);
  change({ busy: false, errors: [], client: others ? null : client, signUp, signIn: null, changing: null, over: message(end) });
  return true;
}

/** Whether `client` has another sign-up than the one that goes on here; says so if it has. */
export function beganAnother(client) {
  const [shown, other] = [openSignUp(), signUpOf(client)];
  if (!shown || !other || other.id === shown.id) return false;
  keepDrafts();
  const over = 'You began another sign-up in this browser, perhaps in another tab.';
  change({ busy: false, errors: [], client, signUp: other, signIn: null, changing: null, over });
  return true;
}

/** Whoever begins again need not type again what the sign-up before knew. */
export function keepDrafts() {
  for (const name of ['email_address', 'phone_number', 'username', 'first_name', 'last_name']) {
    if (state.signUp?.[name]) state.drafts[name] ??= state.signUp[name];
  }
}

/** The errors of an input, as texts. */
export function errorsAt(place) {
  return state.errors.filter((error) => error.place === place).map(message);
}

/** A corrected value has no errors any more; what the alert said of the last try is over with it. */
export function forgive(place) {
  state.errors = state.errors.filter((error) => error.place !== place && (error.place || error.waiting));
}

export function message(error) {
  if (CAPTCHA.includes(error.code)) return 'This instance asks for a captcha, which this page can not show: it loads nothing from elsewhere. Switch off sign_up.captcha_enabled to sign up here.';
  return error.long_message ?? error.message ?? error.code;
}

export function activeSession() {
  const sessions = state.client?.sessions ?? [];
  const last = sessions.find((session) => session.id === state.client.last_active_session_id);
  return [last, ...sessions].find((session) => session?.status === 'active') ?? null;
}

/** The sign-up that a client has, unless the person has done with it. */
export function signUpOf(client) {
  const signUp = client?.sign_up ?? null;
  return signUp && isSetAside(signUp.id) ? null : signUp;
}

/** The sign-up that goes on. */
export function openSignUp() {
  return state.signUp?.status === 'missing_requirements' ? state.signUp : null;
}

/** Why what was here is over, if it is. */
export function ending() {
  if (state.over) return state.over;
  return state.signUp?.status === 'abandoned' ? 'This sign-up was left alone for too long.' : null;
}

export function inWords(seconds) {
  const minutes = Math.ceil(seconds / 60);
  if (seconds >= 120) return `${minutes} minutes`;
  return seconds === 1 ? '1 second' : `${seconds} seconds`;
}

/** Errors that say: what you look at is not there any more. */
const OVER = ['signed_out', 'authentication_invalid', 'resource_not_found', 'sign_up_cannot_be_updated', 'client_state_invalid'];

const CAPTCHA = ['captcha_missing_token', 'requires_captcha', 'captcha_invalid'];
