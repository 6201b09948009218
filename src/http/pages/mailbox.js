// Lists the messages the instance has captured.

import { BASE, call } from './api.js';
import { button, copyButton, element, showInstance } from './elements.js';

/** How often the page looks by itself, where news of the engine do not arrive. */
const REFRESH_MS = 5_000;
const SHOWN_MAX = 100;
/** What a message can be made for, by the beginning of its id. */
const ORIGINS = { sua: 'sign-up', sia: 'sign-in', inv: 'invitation', ver: 'address verification' };

const to = document.getElementById('to');
const query = document.getElementById('query');
const clear = document.getElementById('clear');
/** What is shown, by the message's id. A message that stays keeps its node, and with it focus and selection. */
const nodes = new Map();
let asked = 0;

to.value = new URLSearchParams(location.search).get('to') ?? '';
query.value = new URLSearchParams(location.search).get('query') ?? '';
to.addEventListener('input', refresh);
query.addEventListener('input', refresh);
clear.addEventListener('click', clearAll);
new EventSource(`${BASE}dev/outbox/events`).addEventListener('message', () => refresh());
document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
nameTheInstance();
keepLooking();

async function nameTheInstance() {
  const { display_config: display } = await call('GET', '/environment');
  if (!display) return;
  showInstance(display);
  document.title = `Mailbox · ${display.application_name}`;
}

async function keepLooking() {
  if (!document.hidden) await refresh();
  setTimeout(keepLooking, REFRESH_MS);
}

async function refresh() {
  const turn = (asked += 1);
  const address = to.value.trim();
  const words = query.value.trim();
  const asks = new URLSearchParams({ ...(address && { to: address }), ...(words && { query: words }) }).toString();
  try {
    const response = await fetch(`${BASE}dev/outbox${asks && `?${asks}`}`, { signal: AbortSignal.timeout(10_000) });
    const answer = await response.json();
    // A slower answer to an older question is of no interest any more.
    if (turn !== asked) return;
    if (response.ok) show(answer.messages, address, words);
    else tell(answer.errors?.[0]?.long_message ?? `The engine answered ${response.status}.`);
  } catch {
    if (turn === asked) tell('The engine does not answer. This page keeps trying.');
  }
}

async function clearAll() {
  if (!confirm('Remove all messages of this mailbox?')) return;
  await fetch(`${BASE}dev/outbox`, { method: 'DELETE', signal: AbortSignal.timeout(10_000) }).catch(() => {});
  await refresh();
}

function show(messages, address, words) {
  const newest = messages.slice(-SHOWN_MAX).reverse();
  const many = messages.length > SHOWN_MAX ? `, the last ${SHOWN_MAX} are shown` : '';
  tell(messages.length === 0 ? '' : `${messages.length} ${messages.length === 1 ? 'message' : 'messages'}${many}`);
  showEmpty(messages.length === 0, address, words);
  clear.hidden = messages.length === 0;
  const list = document.getElementById('messages');
  const kept = new Set(newest.map((message) => message.id));
  for (const [id, node] of nodes) {
    if (kept.has(id)) continue;
    node.remove();
    nodes.delete(id);
  }
  // Only what is not in its place moves: a node that is put in anew loses the selection.
  newest.forEach((message, at) => {
    if (!nodes.has(message.id)) nodes.set(message.id, item(message));
    const node = nodes.get(message.id);
    if (list.children[at] !== node) list.insertBefore(node, list.children[at] ?? null);
  });
}

function showEmpty(isEmpty, address, words) {
  const node = document.getElementById('empty');
  const text = words && address
    ? `Nothing that was sent to ${address} contains ${words}. Type all of the address, or clear a field.`
    : words
    ? `Nothing contains ${words}. All words must be in one message: in its address, subject or text, or as an id.`
    : address
    ? `Nothing was sent to ${address}. A part of an address finds nothing: type all of it, or clear the field.`
    : 'Nothing here yet. Sign somebody up, and the message appears here: ';
  if (isEmpty && node.dataset.text !== text) {
    node.dataset.text = text;
    node.replaceChildren(text, ...(address || words ? [] : [element('a', { href: BASE }, 'to the sign-up page')]));
  }
  node.hidden = !isEmpty;
}

function item(message) {
  const sent = new Date(message.created_at);
  const node = element('li', { className: 'card message' });
  node.append(element('header', {},
    element('span', {}, `${message.channel === 'sms' ? 'Text message' : 'E-mail'} to `, element('strong', { className: 'address' }, message.to)),
    element('time', { className: 'muted', dateTime: sent.toISOString(), title: sent.toISOString() }, whenSent(sent))));
  if (message.subject && message.channel !== 'sms') node.append(element('strong', { className: 'subject', dir: 'auto' }, message.subject));
  if (message.code) node.append(element('p', { className: 'code-line' }, element('span', { className: 'big' }, message.code), copyButton(message.code, 'Code')));
  if (message.link) node.append(element('p', { className: 'code-line' }, element('a', { href: message.link }, 'Open the link'), copyButton(message.link, 'Link')));
  // A text message has no other part. Of an e-mail the code and the link stay in sight, and the text is one of its views.
  if (message.text && message.channel === 'sms') node.append(element('pre', { dir: 'auto' }, message.text));
  node.append(views(message), footnote(message));
  return node;
}

/** The time alone today; with the day for what was kept over restarts. */
function whenSent(sent) {
  return sent.toDateString() === new Date().toDateString()
    ? sent.toLocaleTimeString()
    : sent.toLocaleString([], { dateStyle: 'medium', timeStyle: 'medium' });
}

/** Buttons that show a message in other ways, and what they show. */
function views(message) {
  const shown = element('div', { className: 'view', hidden: true });
  const toggles = [];
  const view = (label, make) => {
    const toggle = button(label, async () => {
      const isOpen = toggle.getAttribute('aria-pressed') === 'true';
      for (const other of toggles) other.setAttribute('aria-pressed', 'false');
      shown.hidden = isOpen;
      if (isOpen) return shown.replaceChildren();
      toggle.setAttribute('aria-pressed', 'true');
      const made = await make();
      if (toggle.getAttribute('aria-pressed') === 'true') shown.replaceChildren(...made);
    }, 'quiet small');
    toggle.setAttribute('aria-pressed', 'false');
    toggles.push(toggle);
  };
  if (message.channel !== 'sms') view('Text', async () => [element('pre', { dir: 'auto' }, message.text)]);
  if (message.has_html) view('As sent', async () => preview(message));
  if (message.channel !== 'sms') {
    view('Headers', async () => [source(headers(await asSent(message)))]);
    view('Source', async () => {
      const text = await asSent(message);
      return [source(text), copyButton(text, 'Source')];
    });
  }
  return element('div', { className: 'views' }, element('div', { className: 'actions' }, ...toggles), shown);
}

/** The HTML in a frame that may neither run nor load anything; its links open in a tab of their own. */
function preview(message) {
  const frame = element('iframe', { src: `${BASE}dev/outbox/${message.id}/html`, title: `The e-mail to ${message.to}` });
  frame.setAttribute('sandbox', 'allow-popups allow-popups-to-escape-sandbox');
  const narrow = button('Narrow', () => {
    const isNarrow = frame.classList.toggle('phone');
    narrow.textContent = isNarrow ? 'Wide' : 'Narrow';
  }, 'link narrower');
  return [narrow, frame];
}

async function asSent(message) {
  try {
    const response = await fetch(`${BASE}dev/outbox/${message.id}/source`, { signal: AbortSignal.timeout(10_000) });
    return response.ok ? await response.text() : 'The engine has no source of this message.';
  } catch {
    return 'The engine does not answer.';
  }
}

function headers(text) {
  return text.split('\r\n\r\n')[0].replaceAll('\r\n', '\n');
}

function source(text) {
  return element('pre', { className: 'source', dir: 'ltr', tabIndex: 0 }, text.replaceAll('\r\n', '\n'));
}

/** What a message was made for. */
function footnote(message) {
  const note = element('p', { className: 'muted footnote' }, `${message.template} · ${message.locale}`);
  if (!message.origin) return note;
  const more = button('all its messages', () => {
    to.value = '';
    query.value = message.origin;
    refresh();
  }, 'link');
  const kind = ORIGINS[message.origin.split('_')[0]] ?? 'origin';
  const name = kind === 'sign-up'
    ? element('a', { href: `${BASE}dev/sign_ups/${message.origin}` }, `its ${kind}`)
    : `its ${kind}`;
  note.append(' · ', name, ' ', element('code', {}, message.origin), ' · ', more);
  return note;
}

function tell(text) {
  const node = document.getElementById('state');
  if (node.textContent !== text) node.textContent = text;
}
