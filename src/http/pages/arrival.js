// How people arrive: with the ticket of an invitation or of a sign-in token, or from a link that says how the visit ended.

import { call } from './api.js';
import { takeBack } from './set_aside.js';
import { act, activeSession, change, signUpOf, state } from './state.js';

/**
 * What each `__clerk_status` tells. `isForAll`: it is of use to somebody who is in, too. `signsIn`: what is left to do is
 * to sign in.
 */
const ARRIVALS = new Map([
  ['sign_up', { notice: 'You were invited. Sign up here.' }],
  ['sign_in', { notice: 'You have an account already: sign in.', signsIn: true }],
  ['complete', { notice: 'You are signed in already: that link has done its work.', isForAll: true }],
  ['verified', { notice: 'Your address is verified.', isForAll: true }],
  ['expired', { notice: 'That link has expired. Ask for a new one.' }],
  ['revoked', { notice: 'That invitation was taken back. Ask whoever invited you for a new one.' }],
  ['failed', { notice: 'That link is wrong, or was used already. Ask for a new one.' }],
  ['client_mismatch', { notice: 'Open the link in the browser in which you began to sign up.', isForAll: true }],
  ['transferable', { notice: 'The address of that link has an account already: sign in with it.', signsIn: true }],
]);

/** Takes it out of the URL: a ticket belongs into no history and no screenshot. */
export async function takeWhatTheUrlBrings() {
  const url = new URL(location);
  const ticket = url.searchParams.get('__clerk_ticket');
  const status = url.searchParams.get('__clerk_status');
  for (const name of ['__clerk_ticket', '__clerk_status', '__clerk_created_session']) url.searchParams.delete(name);
  history.replaceState(null, '', url);
  // Whoever opened the link goes on with its sign-up.
  if (status === 'verified' && state.client?.sign_up) {
    takeBack(state.client.sign_up.id);
    change({ signUp: signUpOf(state.client) });
  }
  // That of a sign-in token signs in at once.
  const path = status === 'sign_in' ? '/client/sign_ins' : '/client/sign_ups';
  if (ticket) await act(() => call('POST', path, { strategy: 'ticket', ticket }));
  // A sign-up by ticket says itself who was invited.
  else tell(ARRIVALS.get(status));
}

function tell(arrival) {
  if (!arrival) return;
  const isIn = activeSession() !== null;
  if (!isIn && arrival.signsIn) {
    state.drafts.identifier ??= state.signUp?.email_address ?? '';
    change({ view: 'sign-in', notice: arrival.notice });
  } else if (!isIn || arrival.isForAll) change({ notice: arrival.notice });
  else if (arrival.signsIn) change({ notice: 'The account of that address is another one. Sign out to sign in with it.' });
}
