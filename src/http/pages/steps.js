// The steps of a sign-up: the calls that a person's doings become.

import { call } from './api.js';
import { takeWhatTheUrlBrings } from './arrival.js';
import { focusFirst } from './elements.js';
import { CODES, field, growsInSteps, isRequired, strategies } from './fields.js';
import { setAside } from './set_aside.js';
import { act, activeSession, change, ending, keepDrafts, lookAgainIfOver, openSignUp, signUpOf, state } from './state.js';
import { wait } from './waits.js';

const POLL_MS = 1_000;
/** How long the engine sends nothing more to an address, by default; a refusal says how long it really is. */
const RESEND_S = 30;

/** Reads how things stand. */
export async function start() {
  const [environment, client] = await Promise.all([call('GET', '/environment'), call('GET', '/client')]);
  const errors = environment.errors ?? client.errors;
  if (errors) return change({ errors: errors.map((error) => ({ ...error, place: null })), again: start });
  change({ errors: [], again: null, environment, client: client.response, signUp: signUpOf(client.response) });
  await takeWhatTheUrlBrings();
  await takeUpAccount();
  waitForOthers();
}

/** The result of a visit to a provider: the person may be a user here already, or not yet. */
async function takeUpAccount() {
  const [signUp, signIn] = [signUpOf(state.client), state.client?.sign_in];
  const accounts = [signUp?.verifications.external_account, signIn?.first_factor_verification];
  if (accounts[0]?.status === 'transferable') await act(() => call('POST', '/client/sign_ins', { transfer: true }));
  else if (accounts[1]?.status === 'transferable') await act(() => call('POST', '/client/sign_ups', { transfer: true }));
  const failed = accounts.find((account) => ['failed', 'verified'].includes(account?.status) && account.error);
  if (failed && !activeSession()) change({ errors: [{ ...failed.error, place: null }] });
}

export async function submitFields(names) {
  // A sign-up grows in steps: what is still empty stays out of the request and on the list of the missing.
  const given = names.filter((name) => state.drafts[name]?.trim());
  const lacking = names.filter((name) => isRequired(name) && !given.includes(name));
  if (lacking.length ? given.length === 0 || !growsInSteps() : given.length === 0) return complain(lacking);
  const values = Object.fromEntries(given.map((name) => [name, state.drafts[name]]));
  const open = openSignUp();
  const path = open ? `/client/sign_ups/${open.id}` : '/client/sign_ups';
  const answer = await act(() => call(open ? 'PATCH' : 'POST', path, values));
  if (answer.errors) return moveOn();
  for (const name of given) delete state.drafts[name];
  change({ changing: null });
  await sendWhatWasNeverSent();
  waitForOthers();
  moveOn();
}

/** Asks again what was refused though nothing is missing. */
export async function askAgain() {
  await act(() => call('PATCH', `/client/sign_ups/${state.signUp.id}`, {}));
  waitForOthers();
  moveOn();
}

/** Says under each field what it wants, and goes to the first. */
function complain(names) {
  const errors = names.map((name) => ({ place: name, long_message: field(name).enter }));
  change({ errors: errors.length ? errors : [{ place: null, long_message: 'Nothing was filled in. None of these fields is needed.' }] });
  moveOn();
}

async function sendWhatWasNeverSent() {
  for (const name of openSignUp()?.unverified_fields ?? []) {
    if (CODES[name] && state.signUp.verifications[name]?.next_action === 'needs_prepare') {
      const answer = await requestMessage(name);
      if (answer.errors) return;
    }
  }
}

export async function send(name) {
  await requestMessage(name);
  moveOn();
}

async function requestMessage(name) {
  // A link where the instance has them; with codes beside them the same mail has both.
  const wish = strategies(state.signUp, name).includes('email_link')
    ? { strategy: 'email_link', redirect_url: location.pathname }
    : { strategy: CODES[name].strategy };
  const path = `/client/sign_ups/${state.signUp.id}/prepare_verification`;
  const answer = await act(() => call('POST', path, wish), { about: name, waiting: `send:${name}` });
  if (!answer.errors) wait(`send:${name}`, RESEND_S);
  waitForOthers();
  return answer;
}

export async function tryCode(name) {
  const code = (state.drafts[`code:${name}`] ?? '').trim();
  if (!code) {
    change({ errors: [{ place: `code:${name}`, long_message: 'Enter the code from the message.' }] });
    return moveOn();
  }
  const path = `/client/sign_ups/${state.signUp.id}/attempt_verification`;
  const attempt = { strategy: CODES[name].strategy, code };
  const answer = await act(() => call('POST', path, attempt), { about: name, waiting: `code:${name}` });
  // What nobody judged is worth trying again as it is.
  if (!answer.errors || state.errors.some((error) => error.place)) delete state.drafts[`code:${name}`];
  change();
  waitForOthers();
  moveOn();
}

/** To a provider, and back to this page. */
export async function leaveFor(strategy, path = '/client/sign_ups') {
  const back = { redirect_url: location.pathname, action_complete_redirect_url: location.pathname };
  const answer = await act(() => call('POST', path, { strategy, ...back }));
  const account = answer.response?.verifications?.external_account ?? answer.response?.first_factor_verification;
  const url = account?.external_verification_redirect_url;
  if (url) location.assign(url);
  else moveOn();
}

export async function joinWaitlist() {
  const address = (state.drafts.email_address ?? '').trim();
  if (!address) return complain(['email_address']);
  const answer = await act(() => call('POST', '/waitlist', { email_address: address }));
  if (!answer.errors) change({ notice: `${address} is on the waiting list. Whoever is let in gets an invitation by mail.` });
  moveOn();
}

export function changeAddress(name) {
  state.drafts[name] = state.signUp[name];
  change({ changing: name, errors: [] });
  focusFirst(`#field-${name}`);
}

export function keepAddress(name) {
  delete state.drafts[name];
  change({ changing: null, errors: [] });
  moveOn();
}

/** A new sign-up, which remembers what the one before was told, but no secret. */
export function beginAgain() {
  keepDrafts();
  const { email_address, phone_number, username, first_name, last_name } = state.drafts;
  const drafts = { email_address, phone_number, username, first_name, last_name };
  if (state.signUp) setAside(state.signUp.id);
  change({ view: 'sign-up', signUp: null, over: null, errors: [], notice: '', again: null, changing: null, drafts });
  focusFirst('#view input');
}

/** To the sign-up that goes on, from the word that another is over. */
export function goOn() {
  change({ over: null });
  waitForOthers();
  moveOn();
}

/** Back from the sign-in: to the sign-up that goes on, or to a new one. */
export function showSignUp() {
  if (!openSignUp()) return beginAgain();
  change({ view: 'sign-up', errors: [], notice: '', again: null });
  moveOn();
}

/** While a link is on its way, or the application's backend has to agree, asks every second for the current state. */
export async function waitForOthers() {
  if (isWaiting) return;
  isWaiting = true;
  while (isAwaited(state.signUp)) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const awaited = state.signUp;
    if (state.busy || !isAwaited(awaited)) continue;
    const answer = await call('GET', `/client/sign_ups/${awaited.id}`);
    // Meanwhile the person may have gone on; what nobody answered, the next look will tell.
    if (state.busy || state.signUp !== awaited) continue;
    if (answer.errors) await lookAgainIfOver(answer.errors);
    else if (marks(answer.response) !== marks(awaited)) change({ client: answer.client, signUp: answer.response });
  }
  isWaiting = false;
}

let isWaiting = false;

function isAwaited(signUp) {
  if (!signUp || openSignUp() !== signUp || ending()) return false;
  if (signUp.approval) return signUp.approval.status === 'waiting';
  const link = signUp.verifications.email_address;
  const isLinkAwaited = link?.strategy === 'email_link' && link.status === 'unverified';
  return isLinkAwaited || (!signUp.missing_fields.length && !signUp.unverified_fields.length);
}

function marks(signUp) {
  return JSON.stringify([signUp.status, signUp.missing_fields, signUp.approval, signUp.verifications.email_address?.status]);
}

/** Puts the focus where the person goes on. */
export function moveOn() {
  if (state.errors.some((error) => !error.place)) focusFirst('#view [aria-invalid=true]', '#alert');
  else focusFirst('#view [aria-invalid=true]', '#view .code input', '#view input:required', '#title');
}
