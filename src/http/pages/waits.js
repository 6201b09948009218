// Waits: what must not be done again before its time, by name, and the buttons that count down to it.

const until = new Map();
let ticking = null;

/** From now on `name` waits for so many seconds, unless it waits longer already. */
export function wait(name, seconds) {
  until.set(name, Math.max(until.get(name) ?? 0, Date.now() + seconds * 1000));
  ticking ??= setInterval(tick, 200);
  tick();
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

function tick() {
  for (const button of document.querySelectorAll('[data-wait]')) show(button);
  for (const name of [...until.keys()].filter((name) => secondsLeft(name) === 0)) {
    until.delete(name);
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
