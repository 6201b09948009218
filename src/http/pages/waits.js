// Waits: what must not be done again before its time, by name, and the buttons that count down to it.

const KEY = 'vestibule.waits';
/** When each is over, in milliseconds since 1970. Reloading the page makes none shorter. */
const until = new Map(remembered());
let ticking = null;

/** From now on `name` waits for so many seconds, unless it waits longer already. */
export function wait(name, seconds) {
  until.set(name, Math.max(until.get(name) ?? 0, Date.now() + seconds * 1000));
  remember();
  run();
}

/** How many seconds `name` still waits, rounded up; 0 if it may be done. */
export function secondsLeft(name) {
  return Math.max(0, Math.ceil(((until.get(name) ?? 0) - Date.now()) / 1000));
}

/** The button can be used only when `name` may be done; until then its label counts down. */
export function counting(button, name) {
  button.dataset.wait = name;
  button.dataset.label = button.textContent;
  show(button);
  return button;
}

/** Calls `listener` with the name of each wait that is over. */
export function whenOver(listener) {
  listeners.push(listener);
}

const listeners = [];

function run() {
  ticking ??= setInterval(tick, 200);
  tick();
}

function tick() {
  for (const button of document.querySelectorAll('[data-wait]')) show(button);
  for (const name of [...until.keys()].filter((name) => secondsLeft(name) === 0)) {
    until.delete(name);
    remember();
    for (const listener of listeners) listener(name);
  }
  if (until.size) return;
  clearInterval(ticking);
  ticking = null;
}

function show(button) {
  const seconds = secondsLeft(button.dataset.wait);
  const text = seconds ? `${button.dataset.label} in ${seconds} s` : button.dataset.label;
  if (button.textContent !== text) button.textContent = text;
  button.disabled = seconds > 0;
}

/** Browsers may allow a page to remember nothing. */
function remember() {
  try {
    sessionStorage.setItem(KEY, JSON.stringify([...until]));
  } catch {
    // Then the engine says how long to wait.
  }
}

function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? [];
  } catch {
    return [];
  }
}

if (until.size) run();
