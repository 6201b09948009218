// What somebody who signs up sees.

import { actions, button, element, form, labelled } from './elements.js';
import { CODES, field, fieldsToAsk, inSentence, isRequired, mode, providers, strategies } from './fields.js';
import { beginSignIn, showSignIn } from './sign_in.js';
import { change, errorsAt, forgive, openSignUp, state } from './state.js';
import * as steps from './steps.js';
import { counting } from './waits.js';

/** The view of a sign-up that goes on, or of none yet. */
export function signUpView() {
  const open = openSignUp();
  if (!open && mode() !== 'public') return closedView();
  if (open?.approval) return approvalView(open.approval);
  const codes = (open?.unverified_fields ?? []).filter((name) => CODES[name] && state.changing !== name);
  const names = fieldsToAsk(open);
  const parts = codes.map(codeForm);
  if (names.length) parts.push(fieldsForm(names, open));
  if (open && !codes.length && !names.length && state.errors.length) parts.push(actions(button('Try again', steps.askAgain)));
  if (!open) parts.push(...otherWays());
  else parts.push(actions(button('Start over', steps.beginAgain, 'quiet')));
  return { title: 'Create your account', lead: `${invited(open)}${lead(open, codes, names)}`, parts };
}

/** The view of a sign-up that somebody else decides on, or has decided against. */
function approvalView({ status, reason }) {
  const again = actions(button('Start over', steps.beginAgain, 'quiet'));
  if (status === 'refused') return { title: 'Your sign-up was not approved', lead: reason ?? 'You can begin again.', parts: [again] };
  return { title: 'Waiting for approval', lead: 'Everything is here. This page goes on by itself once your sign-up is approved.', parts: [again] };
}

/** The view of what is over. */
export function overView(reason) {
  const ways = [button('Begin again', steps.beginAgain, openSignUp() ? 'quiet' : ''), button('Sign in instead', showSignIn, 'quiet')];
  if (openSignUp()) ways.unshift(button('Go on with the other one', () => steps.goOn()));
  return { title: 'This is over', lead: reason, parts: [actions(...ways)] };
}

/** Where only the invited get in, nobody else fills in a form for nothing. */
function closedView() {
  const isWaitlist = mode() === 'waitlist';
  const parts = isWaitlist ? [form(steps.joinWaitlist, input('email_address'), counting(button('Join the waiting list', null), 'fields'))] : [];
  const text = isWaitlist
    ? 'Only people who were let in from the waiting list can sign up here. You can ask to be let in.'
    : 'Only people who were invited can sign up here. If you were, open the link in your invitation.';
  parts.push(haveAccount());
  return { title: 'Create your account', lead: text, parts };
}

/** To whom the invitation went, where there was one. */
function invited(open) {
  const isInvited = open?.verifications.email_address?.strategy === 'ticket';
  return isInvited ? `You were invited as ${open.email_address}. ` : '';
}

function lead(open, codes, names) {
  if (!open) return 'The fields are the ones this instance asks for.';
  if (state.changing) return `Give the right ${CODES[state.changing].noun}. A new message goes there.`;
  if (codes.length) {
    const nouns = codes.map((name) => `the ${CODES[name].noun}`);
    return `Show that ${nouns.join(' and ')} ${nouns.length > 1 ? 'are' : 'is'} yours. Messages of this instance are in the mailbox.`;
  }
  const missing = open.missing_fields.map(inSentence);
  if (missing.length) return `A few things are still missing: ${missing.join(', ')}.`;
  const left = names.length ? 'Nothing more is needed, though you may add to it' : 'There is nothing left to do here';
  return `${left}: the backend of the application has the last word. This page goes on by itself.`;
}

function fieldsForm(names, open) {
  const submit = counting(button(open ? 'Continue' : 'Sign up', null), 'fields');
  const ways = [submit];
  if (state.changing) ways.push(button(`Keep this ${CODES[state.changing].noun}`, () => steps.keepAddress(state.changing), 'quiet'));
  return form(() => steps.submitFields(names), ...names.map((name) => input(name)), actions(...ways));
}

function input(name) {
  const { label, type = 'checkbox', autocomplete = '', placeholder = '' } = field(name);
  const isCheck = name === 'legal_accepted';
  return labelled(
    {
      name, errors: errorsAt(name), remedy: remedy(name), optional: !isRequired(name),
      label: isCheck ? terms(label) : label, kind: isCheck ? 'check' : '',
    },
    isCheck ? { type, checked: state.drafts[name] === 'true' } : { type, autocomplete, placeholder, value: state.drafts[name] ?? '' },
    (value) => { state.drafts[name] = value; },
    () => corrected(name),
  );
}

/** What is accepted can be read, where the instance says where. */
function terms(label) {
  const { terms_url: termsUrl, privacy_policy_url: privacyUrl } = state.environment.display_config;
  const links = [[termsUrl, 'Terms of service'], [privacyUrl, 'Privacy policy']].filter(([url]) => url);
  const texts = links.flatMap(([url, text], at) => [at ? ', ' : ' (', element('a', { href: url, target: '_blank', rel: 'noopener' }, text)]);
  return element('span', {}, label, ...texts, links.length ? ')' : '');
}

/** Whoever is known already can sign in with what they typed. */
function remedy(name) {
  if (!state.errors.some((error) => error.place === name && error.code === 'form_identifier_exists')) return null;
  const known = state.drafts[name] || state.signUp?.[name];
  return button('Sign in with it', () => beginSignIn(known), 'link');
}

function codeForm(name) {
  const verification = state.signUp.verifications[name];
  const ways = strategies(state.signUp, name);
  const address = element('strong', { className: 'address' }, state.signUp[name]);
  const change = button(`Use another ${CODES[name].noun}`, () => steps.changeAddress(name), 'quiet');
  if (verification?.next_action === 'needs_prepare') {
    const what = ways.includes('email_link') ? 'link' : 'code';
    const again = verification.status ? `Send a new ${what}` : `Send a ${what}`;
    const said = { expired: `The ${what} has expired.`, failed: 'Those were too many wrong codes.' }[verification.status] ?? 'It is not verified yet.';
    return form(
      () => steps.send(name),
      element('p', { role: 'status' }, address, ' ', said),
      actions(counting(button(again, null), `send:${name}`), change),
    );
  }
  const again = counting(button('Send again', () => steps.send(name), 'quiet'), `send:${name}`);
  if (verification?.strategy === 'email_link' && !ways.includes(CODES[name].strategy)) {
    return element('div', { className: 'step' }, element('p', { role: 'status' }, 'Open the link we sent to ', address, '. This page goes on by itself.'), actions(again, change));
  }
  const or = verification?.strategy === 'email_link' ? [element('p', {}, 'Open the link in the message, or type its code.')] : [];
  const place = `code:${name}`;
  const box = labelled(
    { name: place, label: element('span', {}, `${CODES[name].label} `, address), errors: errorsAt(place), kind: 'code' },
    { type: 'text', inputMode: 'numeric', autocomplete: 'one-time-code', maxLength: 32, value: state.drafts[place] ?? '' },
    (value) => { state.drafts[place] = value; },
    () => corrected(place),
  );
  const verify = counting(button('Verify', null), place);
  return form(() => steps.tryCode(name), ...or, box, actions(verify, again, change));
}

function otherWays() {
  const parts = providers().map((provider) => actions(
    button(`Continue with ${provider.name || provider.strategy}`, () => steps.leaveFor(provider.strategy), 'quiet wide'),
  ));
  return [...parts, haveAccount()];
}

function haveAccount() {
  return element('p', { className: 'muted aside' }, 'Have an account? ', button('Sign in', showSignIn, 'link'));
}

function corrected(place) {
  forgive(place);
  document.dispatchEvent(new Event('corrected'));
}
