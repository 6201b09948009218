// Small parts of the pages. They know no state and no engine.

export function element(name, properties, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

export function actions(...buttons) {
  return element('div', { className: 'actions' }, ...buttons);
}

/** Without an action of its own a button submits its form. */
export function button(label, action, className = '') {
  const node = element('button', { type: action ? 'button' : 'submit', className }, label);
  if (action) node.addEventListener('click', action);
  return node;
}

/** A form of the page: the browser judges nothing, and `submitted` does what is to be done. */
export function form(submitted, ...children) {
  const node = element('form', { noValidate: true }, ...children);
  node.addEventListener('submit', (event) => {
    event.preventDefault();
    submitted();
  });
  return node;
}

/**
 * A label and its input, with errors below, tied together for those who can't see them. `errors` are texts; `remedy`
 * is what else can be done about them. The first change of the value takes both away and calls `corrected`.
 */
export function labelled({ name, label, errors = [], remedy = null, optional = false, kind = '' }, attributes, changed, corrected) {
  const id = `field-${name.replace(':', '-')}`;
  const box = element('input', { id, name, required: !optional, ...attributes });
  const caption = element('label', { htmlFor: id }, label, optional ? element('span', { className: 'muted' }, ' (optional)') : '');
  if (kind === 'check') caption.prepend(box);
  const field = element('div', { className: `field ${kind}` }, caption);
  if (kind !== 'check') field.append(box);
  const notes = [];
  if (errors.length) notes.push(element('p', { className: 'error', id: `${id}-error` }, errors.join(' ')));
  if (errors.length && remedy) notes.push(remedy);
  field.append(...notes);
  box.setAttribute('aria-invalid', String(errors.length > 0));
  if (errors.length) box.setAttribute('aria-describedby', `${id}-error`);
  box.addEventListener('input', () => {
    changed(box.type === 'checkbox' ? (box.checked ? 'true' : '') : box.value);
    box.setAttribute('aria-invalid', 'false');
    box.removeAttribute('aria-describedby');
    for (const note of notes.splice(0)) note.remove();
    corrected();
  });
  return field;
}

/** The name and the logo of the instance, where the page has a place for them. */
export function showInstance({ application_name: name, logo_url: logo }) {
  const image = document.getElementById('logo');
  document.getElementById('application').textContent = name;
  if (logo && image.getAttribute('src') !== logo) image.src = logo;
  image.hidden = !logo;
}

/** A button that copies; `what` names it for those who hear the page. */
export function copyButton(text, what) {
  const node = button('Copy', async () => {
    const copied = await copy(text);
    node.textContent = copied ? 'Copied' : 'Copying is not allowed here';
    say(copied ? `${what} copied.` : 'This browser does not let the page copy.');
    setTimeout(() => { node.textContent = 'Copy'; }, 2_000);
  }, 'quiet small');
  node.setAttribute('aria-label', `Copy ${what.toLowerCase()}`);
  return node;
}

/** Tells something to those who hear the page. */
export function say(text) {
  const node = document.getElementById('said');
  node.textContent = '';
  setTimeout(() => { node.textContent = text; }, 50);
}

export function focusFirst(...selectors) {
  const node = selectors.map((selector) => document.querySelector(selector)).find((found) => found !== null);
  node?.focus();
}

/** Without https there is no clipboard but on localhost; the old way still works there. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const carrier = element('textarea', { value: text, className: 'unseen' });
    document.body.append(carrier);
    carrier.select();
    const copied = document.execCommand('copy');
    carrier.remove();
    return copied;
  }
}
