// Lists the messages the instance has captured.

import { BASE, call } from './api.js';
import { copyButton, element, showInstance } from './elements.js';

const REFRESH_MS = 2_000;
const SHOWN_MAX = 100;

const to = document.getElementById('to');
/** What is shown, by the message's id. A message that stays keeps its node, and with it focus and selection. */
const nodes = new Map();
let asked = 0;

to.value = new URLSearchParams(location.search).get('to') ?? '';
to.addEventListener('input', refresh);
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
  const query = address ? `?to=${encodeURIComponent(address)}` : '';
  try {
    const response = await fetch(`${BASE}dev/outbox${query}`, { signal: AbortSignal.timeout(10_000) });
    const answer = await response.json();
    // A slower answer to an older question is of no interest any more.
    if (turn !== asked) return;
    if (response.ok) show(answer.messages, address);
    else tell(answer.errors?.[0]?.long_message ?? `The engine answered ${response.status}.`);
  } catch {
    if (turn === asked) tell('The engine does not answer. This page keeps trying.');
  }
}

function show(messages, address) {
  const newest = messages.slice(-SHOWN_MAX).reverse();
  const many = messages.length > SHOWN_MAX ? `, the last ${SHOWN_MAX} are shown` : '';
  tell(messages.length === 0 ? '' : `${messages.length} ${messages.length === 1 ? 'message' : 'messages'}${many}`);
  showEmpty(messages.length === 0, address);
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

function showEmpty(isEmpty, address) {
  const node = document.getElementById('empty');
  const text = address
    ? `Nothing was sent to ${address}. A part of an address finds nothing: type all of it, or clear the field.`
    : 'Nothing here yet. Sign somebody up, and the message appears here: ';
  if (isEmpty && node.dataset.text !== text) {
    node.dataset.text = text;
    node.replaceChildren(text, ...(address ? [] : [element('a', { href: BASE }, 'to the sign-up page')]));
  }
  node.hidden = !isEmpty;
}

function item(message) {
  const sent = new Date(message.created_at);
  const node = element('li', { className: 'card message' });
  node.append(element('header', {},
    element('span', {}, `${message.channel === 'sms' ? 'Text message' : 'E-mail'} to `, element('strong', { className: 'address' }, message.to)),
    element('time', { className: 'muted', dateTime: sent.toISOString() }, sent.toLocaleTimeString())));
  if (message.subject && message.channel !== 'sms') node.append(element('span', { className: 'muted' }, message.subject));
  if (message.code) node.append(element('p', { className: 'code-line' }, element('span', { className: 'big' }, message.code), copyButton(message.code, 'Code')));
  if (message.link) node.append(element('p', { className: 'code-line' }, element('a', { href: message.link }, 'Open the link'), copyButton(message.link, 'Link')));
  if (message.text) node.append(element('pre', {}, message.text));
  return node;
}

function tell(text) {
  const node = document.getElementById('state');
  if (node.textContent !== text) node.textContent = text;
}
