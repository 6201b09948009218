// Requests to the Frontend API of the engine that this script is from.

/** The path of the engine, `/` unless it lies below another site's path. It ends with a slash. */
export const BASE = new URL('../..', import.meta.url).pathname;

const TIMEOUT_MS = 20_000;

/**
 * One request. Never throws: what goes wrong is `errors`, each with a `long_message`. Where the engine asks to wait,
 * `retryAfter` says for how many seconds.
 */
export async function call(method, path, body) {
  const tunnelled = method !== 'GET' && method !== 'POST';
  let response;
  try {
    response = await fetch(`${BASE}v1${path}${tunnelled ? `?_method=${method}` : ''}`, {
      method: method === 'GET' ? 'GET' : 'POST',
      body: method === 'GET' ? undefined : new URLSearchParams(body ?? {}),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    return { errors: [{ code: UNREACHED, long_message: unreached() }] };
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  const errors = answer?.errors ?? [{ code: 'unreadable', long_message: `The engine answered ${response.status}.` }];
  const retryAfter = Number(response.headers.get('Retry-After')) || 0;
  return { ...answer, errors, retryAfter };
}

/** The code of an error that no engine gave: nobody answered. */
export const UNREACHED = 'unreached';

function unreached() {
  return navigator.onLine
    ? 'The engine did not answer. Is it still running?'
    : 'This device is offline. Try again when it is connected.';
}
