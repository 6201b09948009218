// The sign-up that the person has done with. The engine keeps it until it is too old or another is begun, so the page has
// to remember that it is to be shown no more: in this browser, where the sign-up is.

const KEY = 'vestibule.set_aside';

/** From now on the sign-up of this id is not shown. */
export function setAside(id) {
  attempt(() => localStorage.setItem(KEY, id));
}

export function isSetAside(id) {
  return attempt(() => localStorage.getItem(KEY)) === id;
}

/** Whoever goes on with a sign-up has not done with it. */
export function takeBack(id) {
  if (isSetAside(id)) attempt(() => localStorage.removeItem(KEY));
}

/** Browsers may allow a page to remember nothing. */
function attempt(remember) {
  try {
    return remember();
  } catch {
    return null;
  }
}
