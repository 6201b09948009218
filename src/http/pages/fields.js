// The fields of a sign-up: their words, and which of them the form asks for.

import { state } from './state.js';

export const FIELDS = [
  { name: 'email_address', label: 'E-mail address', enter: 'Enter your e-mail address.', type: 'email', autocomplete: 'email' },
  { name: 'phone_number', label: 'Phone number', enter: 'Enter your phone number.', type: 'tel', autocomplete: 'tel', placeholder: '+1 202 555 0143' },
  { name: 'username', label: 'Username', enter: 'Enter a username.', type: 'text', autocomplete: 'username' },
  { name: 'first_name', label: 'First name', enter: 'Enter your first name.', type: 'text', autocomplete: 'given-name' },
  { name: 'last_name', label: 'Last name', enter: 'Enter your last name.', type: 'text', autocomplete: 'family-name' },
  { name: 'password', label: 'Password', enter: 'Enter a password.', type: 'password', autocomplete: 'new-password' },
  { name: 'legal_accepted', label: 'I accept the terms', what: 'your consent to the terms', enter: 'Accept the terms to go on.' },
];

/** How each address is proved by a code; `noun` is what the address is called for short. */
export const CODES = {
  email_address: { strategy: 'email_code', label: 'The code we sent to', noun: 'address' },
  phone_number: { strategy: 'phone_code', label: 'The code we texted to', noun: 'number' },
};

/** What a field is called in a sentence. */
export function inSentence(name) {
  const known = field(name);
  return known?.what ?? known?.label.toLowerCase() ?? name;
}

export function field(name) {
  return FIELDS.find((field) => field.name === name);
}

/** The fields worth a line in the form: every enabled one at first, later what is missing or may be added. */
export function fieldsToAsk(open) {
  const { attributes, sign_up: rules } = state.environment.user_settings;
  const enabled = FIELDS.map(({ name }) => name).filter((name) => attributes[name]?.enabled);
  if (rules?.legal_consent_enabled) enabled.push('legal_accepted');
  const refused = state.errors.map((error) => error.place);
  const isAsked = (name) => open.missing_fields.includes(name) || isUnsaid(open, name)
    || refused.includes(name) || state.changing === name;
  return enabled.filter((name) => !open || isAsked(name));
}

export function isRequired(name) {
  return name === 'legal_accepted' || Boolean(state.environment.user_settings.attributes[name]?.required);
}

/** Whether this instance lets a sign-up grow in steps; elsewhere the form asks for everything at once. */
export function growsInSteps() {
  return state.environment.user_settings.sign_up?.progressive !== false;
}

/** How a field of this sign-up can be proved. */
export function strategies(signUp, name) {
  return signUp?.verifications[name]?.supported_strategies ?? [];
}

/** The fields that people can sign in with here. */
export function identifiers() {
  const { attributes } = state.environment.user_settings;
  const names = ['email_address', 'phone_number', 'username'];
  return names.filter((name) => attributes[name]?.enabled && attributes[name].used_for_first_factor);
}

/** Who may sign up here: everybody ("public"), or only those with an invitation ("restricted", "waitlist"). */
export function mode() {
  return state.environment.user_settings.sign_up?.mode ?? 'public';
}

/** The providers whose accounts stand in for a form. */
export function providers() {
  const social = Object.values(state.environment.user_settings.social ?? {});
  return social.filter((provider) => provider.enabled && provider.authenticatable);
}

function isUnsaid(open, name) {
  if (name === 'password') return !open.password_enabled && !open.has_password;
  return name === 'legal_accepted' ? open.legal_accepted_at === null : open[name] === null;
}
