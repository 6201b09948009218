// Signs a person up through the Frontend API of this origin, as the instance's settings ask for it.

const FIELDS = [
  { name: 'email_address', label: 'E-mail address', type: 'email', autocomplete: 'email' },
  { name: 'phone_number', label: 'Phone number', type: 'tel', autocomplete: 'tel', placeholder: '+1 202 555 0143' },
  { name: 'username', label: 'Username', type: 'text', autocomplete: 'username' },
  { name: 'first_name', label: 'First name', type: 'text', autocomplete: 'given-name' },
  { name: 'last_name', label: 'Last name', type: 'text', autocomplete: 'family-name' },
  { name: 'password', label: 'Password', type: 'password', autocomplete: 'new-password' },
];
const CODES = {
  email_address: { strategy: 'email_code', label: 'The code we sent to' },
  phone_number: { strategy: 'phone_code', label: 'The code we texted to' },
};
const LISTS = [
  ['required_fields', 'Required'],
  ['optional_fields', 'Optional'],
  ['missing_fields', 'Missing'],
  ['unverified_fields', 'Unverified'],
];

/** Everything the page shows. `fresh`: the person begins anew although a sign-up is open. */
const state = { environment: null, client: null, signUp: null, fresh: false, busy: false, errors: [], drafts: {} };

start();

async function start() {
  const [environment, client] = await Promise.all([call('GET', '/environment'), call('GET', '/client')]);
  if (environment.errors || client.errors) {
    return render({ errors: environment.errors ?? client.errors });
  }
  render({ environment, client: client.response, signUp: client.response?.sign_up ?? null });
  await takeTicket();
  waitForLink();
}

/** Somebody invited comes with a ticket, which belongs into no history and no screenshot. */
async function takeTicket() {
  const url = new URL(location);
  const ticket = url.searchParams.get('__clerk_ticket');
  for (const name of ['__clerk_ticket', '__clerk_status']) url.searchParams.delete(name);
  history.replaceState(null, '', url);
  if (ticket) await act(() => call('POST', '/client/sign_ups', { strategy: 'ticket', ticket }));
}

// What a person can do

async function submitFields(names) {
  // A sign-up grows in steps: what is still empty stays out of the request and on the list of the missing.
  const given = names.filter((name) => state.drafts[name]);
  const values = Object.fromEntries(given.map((name) => [name, state.drafts[name]]));
  const open = openSignUp();
  const path = open ? `/client/sign_ups/${open.id}` : '/client/sign_ups';
  const answer = await act(() => call(open ? 'PATCH' : 'POST', path, values));
  if (answer.errors) return;
  delete state.drafts.password;
  render({ fresh: false });
  await sendWhatWasNeverSent();
}

async function sendWhatWasNeverSent() {
  for (const field of openSignUp()?.unverified_fields ?? []) {
    if (CODES[field] && state.signUp.verifications[field]?.next_action === 'needs_prepare') {
      const answer = await sendCode(field);
      if (answer.errors) return;
    }
  }
}

async function sendCode(field) {
  const wish = byLink(field)
    ? { strategy: 'email_link', redirect_url: location.pathname }
    : { strategy: CODES[field].strategy };
  const answer = await act(() => call('POST', `/client/sign_ups/${state.signUp.id}/prepare_verification`, wish), field);
  waitForLink();
  return answer;
}

/** While a link is on its way, asks every second what became of it. */
async function waitForLink() {
  const awaited = state.signUp;
  if (openSignUp()?.verifications.email_address?.strategy !== 'email_link') return;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  if (state.signUp !== awaited || awaited.verifications.email_address.status !== 'unverified') return;
  const answer = await call('GET', `/client/sign_ups/${awaited.id}`);
  if (state.signUp !== awaited || answer.errors) return;
  const status = answer.response.verifications.email_address?.status;
  if (status === 'unverified') waitForLink();
  else render({ client: answer.client, signUp: answer.response });
}

async function tryCode(field) {
  const code = state.drafts[`code:${field}`] ?? '';
  const answer = await act(
    () => call('POST', `/client/sign_ups/${state.signUp.id}/attempt_verification`, { strategy: CODES[field].strategy, code }),
    field,
  );
  delete state.drafts[`code:${field}`];
  if (answer.errors) render();
}

async function signOut() {
  const answer = await act(() => call('DELETE', '/client/sessions'));
  if (!answer.errors) render({ signUp: null, fresh: false, drafts: {} });
}

/** Runs one call and shows its outcome; errors about a code belong to the field it was sent for. */
async function act(request, about = null) {
  render({ busy: true, errors: [] });
  const answer = await request();
  if (answer.errors) {
    const errors = answer.errors.map((error) => ({ ...error, about }));
    render({ busy: false, errors, ...(answer.meta?.client ? { client: answer.meta.client } : {}) });
    focusFirst('[aria-invalid=true]');
    return answer;
  }
  const change = { busy: false, client: answer.client };
  if (answer.response?.object?.startsWith('sign_up')) change.signUp = answer.response;
  render(change);
  focusFirst('#view .code input') || document.getElementById('title').focus();
  return answer;
}

/** One request to the Frontend API. Never throws: what goes wrong is `errors`. */
async function call(method, path, body) {
  const tunnelled = method !== 'GET' && method !== 'POST';
  try {
    const response = await fetch(`/v1${path}${tunnelled ? `?_method=${method}` : ''}`, {
      method: method === 'GET' ? 'GET' : 'POST',
      body: method === 'GET' ? undefined : new URLSearchParams(body ?? {}),
    });
    const answer = await response.json();
    if (response.ok || answer.errors) return answer;
    return { errors: [{ long_message: `The engine answered ${response.status}.` }] };
  } catch {
    return { errors: [{ long_message: 'The engine did not answer. Is it still running?' }] };
  }
}

// What the page shows

function render(change = {}) {
  Object.assign(state, change);
  const session = activeSession();
  const view = session ? signedIn(session) : state.environment ? signingUp() : { lead: '', parts: [] };
  document.getElementById('title').textContent = session ? 'You are in' : 'Create your account';
  document.getElementById('lead').textContent = view.lead;
  document.getElementById('view').replaceChildren(...view.parts);
  const alert = document.getElementById('alert');
  alert.textContent = state.errors.filter((error) => !hasPlace(error)).map(message).join(' ');
  alert.hidden = alert.textContent === '';
  document.getElementById('progress').replaceChildren(...progress());
}

function signedIn(session) {
  const user = session.user;
  const facts = [
    ['User', user.id],
    ['Session', session.id],
    ['E-mail', user.email_addresses.map((entry) => entry.email_address).join(', ')],
    ['Phone', user.phone_numbers.map((entry) => entry.phone_number).join(', ')],
    ['Username', user.username],
  ].filter(([, value]) => value);
  const list = element('dl', {}, ...facts.flatMap(([name, value]) => [
    element('dt', {}, name),
    element('dd', {}, element('code', { id: `signed-in-${name.toLowerCase()}` }, value)),
  ]));
  return { lead: 'The sign-up is complete and its session is active.', parts: [list, actions(button('Sign out', signOut))] };
}

function signingUp() {
  const open = openSignUp();
  const codes = (open?.unverified_fields ?? []).filter((field) => CODES[field]);
  const names = fieldsToAsk(open);
  const parts = codes.map(codeForm);
  if (names.length || !open) parts.push(fieldsForm(names, open));
  if (open) {
    const again = () => {
      render({ fresh: true, errors: [], drafts: {} });
      focusFirst('#view input');
    };
    parts.push(actions(button('Start over', again, 'quiet')));
  }
  const lead = codes.length
    ? 'Show that the address is yours. Messages of this instance are in the mailbox.'
    : open ? 'A few things are still missing.' : 'The fields are the ones this instance asks for.';
  return { lead, parts };
}

function fieldsForm(names, open) {
  const form = element('form', { noValidate: true }, ...names.map(input));
  form.append(button(open ? 'Continue' : 'Sign up', null));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    submitFields(names);
  });
  return form;
}

function codeForm(field) {
  const verification = state.signUp.verifications[field];
  const address = state.signUp[field];
  const sent = verification && verification.next_action !== 'needs_prepare';
  const form = element('form', { noValidate: true });
  if (sent && byLink(field)) {
    const expired = verification.status === 'expired';
    form.append(element('p', {}, expired ? 'The link has expired.' : `Open the link we sent to ${address}. This page goes on by itself.`));
    form.append(actions(button('Send again', () => sendCode(field), 'quiet')));
  } else if (sent) {
    const name = `code:${field}`;
    form.append(labelled(
      { name, label: `${CODES[field].label} ${address}`, errors: state.errors.filter((error) => isAbout(error, field)), kind: 'code' },
      { type: 'text', inputMode: 'numeric', autocomplete: 'one-time-code', maxLength: 6, value: state.drafts[name] ?? '' },
    ));
    form.append(element('div', { className: 'actions' }, button('Verify', null), button('Send again', () => sendCode(field), 'quiet')));
  } else {
    form.append(element('p', {}, `${address} is not verified yet.`), button(byLink(field) ? 'Send a link' : 'Send a code', null));
  }
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (sent) tryCode(field);
    else sendCode(field);
  });
  return form;
}

function input(name) {
  const errors = state.errors.filter((error) => !error.about && error.meta?.param_name === name);
  if (name === 'legal_accepted') {
    return labelled({ name, label: 'I accept the terms of service', errors, kind: 'check' }, { type: 'checkbox', checked: state.drafts[name] === 'true' });
  }
  const { label, type, autocomplete, placeholder = '' } = FIELDS.find((field) => field.name === name);
  return labelled(
    { name, label, errors, optional: !isRequired(name) },
    { type, autocomplete, placeholder, value: state.drafts[name] ?? '' },
  );
}

/** A label, its input and the errors below it, tied together for those who cannot see them. */
function labelled({ name, label, errors, optional = false, kind = '' }, attributes) {
  const id = `field-${name.replace(':', '-')}`;
  const box = element('input', { id, name, required: !optional, disabled: state.busy, ...attributes });
  box.setAttribute('aria-invalid', String(errors.length > 0));
  if (errors.length) box.setAttribute('aria-describedby', `${id}-error`);
  box.addEventListener('input', () => {
    state.drafts[name] = box.type === 'checkbox' ? (box.checked ? 'true' : '') : box.value;
  });
  const caption = element('label', { htmlFor: id }, label, optional ? element('span', { className: 'muted' }, ' (optional)') : '');
  if (kind === 'check') caption.prepend(box);
  const field = element('div', { className: `field ${kind}` }, caption);
  if (kind !== 'check') field.append(box);
  if (errors.length) field.append(element('p', { className: 'error', id: `${id}-error` }, errors.map(message).join(' ')));
  return field;
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

// What follows from the state

function activeSession() {
  const sessions = state.client?.sessions ?? [];
  const last = sessions.find((session) => session.id === state.client.last_active_session_id);
  return [last, ...sessions].find((session) => session?.status === 'active') ?? null;
}

function openSignUp() {
  return !state.fresh && state.signUp?.status === 'missing_requirements' ? state.signUp : null;
}

/** The fields worth a line in the form: every enabled one at first, later what is missing or may be added. */
function fieldsToAsk(open) {
  const { attributes, sign_up: rules } = state.environment.user_settings;
  const enabled = FIELDS.map((field) => field.name).filter((name) => attributes[name]?.enabled);
  if (rules?.legal_consent_enabled) enabled.push('legal_accepted');
  const refused = state.errors.map((error) => error.meta?.param_name);
  return enabled.filter((name) => !open || open.missing_fields.includes(name) || isUnsaid(open, name) || refused.includes(name));
}

function isUnsaid(open, name) {
  if (name === 'password') return !open.password_enabled && !open.has_password;
  return name === 'legal_accepted' ? open.legal_accepted_at === null : open[name] === null;
}

function isRequired(name) {
  if (name === 'legal_accepted') return true;
  return Boolean(state.environment.user_settings.attributes[name]?.required);
}

/** Whether only a link verifies a field; where a code does too, the page asks for the code. */
function byLink(field) {
  const strategies = state.signUp?.verifications[field]?.supported_strategies ?? [];
  return strategies.includes('email_link') && !strategies.includes('email_code');
}

function isAbout(error, field) {
  return error.about === field;
}

/** Whether an error has a field of its own on the page; the others go into the alert. */
function hasPlace(error) {
  if (error.about) return Boolean(document.getElementById(`field-code-${error.about}-error`));
  return Boolean(document.getElementById(`field-${error.meta?.param_name}-error`));
}

function message(error) {
  return error.long_message ?? error.message ?? error.code;
}

// Small helpers

function element(name, properties, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

function actions(...buttons) {
  return element('div', { className: 'actions' }, ...buttons);
}

/** Without an action of its own a button submits its form. */
function button(label, action, className = '') {
  const node = element('button', { type: action ? 'button' : 'submit', disabled: state.busy, className }, label);
  if (action) node.addEventListener('click', action);
  return node;
}

function focusFirst(selector) {
  const node = document.querySelector(selector);
  node?.focus();
  return node;
}
