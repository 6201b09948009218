// Lists the messages the instance has captured.

const REFRESH_MS = 2_000;
const SHOWN_MAX = 100;

const to = document.getElementById('to');
let shown = null;
let asked = 0;

to.value = new URLSearchParams(location.search).get('to') ?? '';
to.addEventListener('input', refresh);
keepLooking();

async function keepLooking() {
  if (!document.hidden) await refresh();
  setTimeout(keepLooking, REFRESH_MS);
}

async function refresh() {
  const turn = (asked += 1);
  const address = to.value.trim();
  const query = address ? `?to=${encodeURIComponent(address)}` : '';
  try {
    const response = await fetch(`/dev/outbox${query}`);
    const answer = await response.json();
    // A slower answer to an older question is of no interest any more.
    if (turn !== asked) return;
    if (response.ok) show(answer.messages);
    else tell(answer.errors?.[0]?.long_message ?? `The engine answered ${response.status}.`);
  } catch {
    tell('The engine does not answer.');
  }
}

function show(messages) {
  const newest = messages.slice(-SHOWN_MAX).reverse();
  tell(messages.length === 0 ? 'Nothing here yet.' : `${messages.length} ${messages.length === 1 ? 'message' : 'messages'}`);
  const marks = newest.map((message) => message.id).join(' ');
  if (marks === shown) return;
  shown = marks;
  document.getElementById('messages').replaceChildren(...newest.map(item));
}

function item(message) {
  const node = element('li', { className: 'card message' });
  node.append(element('header', {},
    element('span', {}, `${message.channel === 'sms' ? 'Text message' : 'E-mail'} to `, element('strong', {}, message.to)),
    element('time', { className: 'muted', dateTime: new Date(message.created_at).toISOString() }, new Date(message.created_at).toLocaleTimeString())));
  if (message.subject) node.append(element('span', { className: 'muted' }, message.subject));
  if (message.code) node.append(element('span', { className: 'big' }, message.code));
  if (message.link) node.append(element('a', { href: message.link }, message.link));
  if (message.text) node.append(element('pre', {}, message.text));
  return node;
}

function tell(text) {
  const node = document.getElementById('state');
  if (node.textContent !== text) node.textContent = text;
}

function element(name, properties, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}
