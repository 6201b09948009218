// People at `<SignUp/>` before three nodes behind a balancer, while one node after the other is killed.
// `tests/it/nodes/browsers.rs` runs this: VESTIBULE_URL is the balancer, which names the node of each answer, and VESTIBULE_NODES
// has the processes of the nodes by these names.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyToken } from '@clerk/backend';
import { LIVE_KEY } from './support/engine.mjs';
import { html } from './support/pages.mjs';
import { pages, personFor, signedIn, startBeforeTests } from './support/scenario.mjs';
import { SignUpForm } from './support/sign_up_form.mjs';

const BALANCER = process.env.VESTIBULE_URL;
const SECRET_KEY = process.env.VESTIBULE_SECRET_KEY;
const PROCESSES = JSON.parse(process.env.VESTIBULE_NODES);
// The code of test addresses, and another one.
const RIGHT = '424242';
const WRONG = '111111';

const killed = new Set();

startBeforeTests({ withEngine: false });

test('nodes are killed, and people go on at those that are left', async (t) => {
  let first;
  await t.test('the one that served the page, while a person reads the mail with the code', async () => {
    const person = await begin(t, 'ada+clerk_test@example.com');
    kill(person.servedBy(/\/npm\/@clerk\/clerk-js@/));
    const refused = await person.form.enterCode(WRONG);
    assert.equal(refused.body.errors?.[0].code, 'form_code_incorrect', JSON.stringify(refused));
    await finish(person);
    first = person;
  });

  await t.test('the one that the sign-up was at, which leaves one node', async () => {
    const person = await begin(t, 'eve+clerk_test@example.com');
    kill(person.servedBy(/\/prepare_verification$/));
    await finish(person);
  });

  // Its session was made by a node that may be gone.
  assert.equal(killed.size, 2);
  await goesOn(first);
});

/** A person at `<SignUp/>` with the packages that a node serves, who has given an address and is asked for the code. */
async function begin(t, address) {
  pages.show('/join', page(`Clerk.mountSignUp(app, { routing: 'hash', forceRedirectUrl: '/home' })`));
  pages.show('/home', page(''));
  const person = await personFor(t);
  const answers = [];
  person.page.on('response', (response) => {
    const node = response.headers()['x-served-by'];
    if (node) answers.push({ path: new URL(response.url()).pathname, node, status: response.status() });
  });
  const form = new SignUpForm(person.page);
  await form.open(`${pages.origin}/join`);
  await form.fill('emailAddress', address);
  const created = await form.submit();
  assert.equal(created.status, 200, JSON.stringify(created.body));
  await form.codeCard('email');
  const servedBy = (path) => answers.findLast((answer) => path.test(answer.path)).node;
  return { ...person, form, address, answers, servedBy };
}

/** Types the right code, and has a session that goes on. */
async function finish(person) {
  const attempted = await person.form.enterCode(RIGHT);
  assert.equal(attempted.body.response?.status, 'complete', JSON.stringify(attempted));
  await person.page.waitForURL(`${pages.origin}/home`);
  const { userId } = await signedIn(person.page);
  assert.equal(userId, attempted.body.response.created_user_id);
  person.userId = userId;
  await goesOn(person);
}

/** The page is loaded again, its user can be changed, and the tokens of its session are valid. */
async function goesOn(person) {
  await person.page.reload();
  assert.equal((await signedIn(person.page)).userId, person.userId);
  const { name, token } = await person.page.evaluate(async () => {
    const user = await Clerk.user.update({ unsafeMetadata: { asked: performance.now() } });
    return { name: user.primaryEmailAddress.emailAddress, token: await Clerk.session.getToken({ skipCache: true }) };
  });
  assert.equal(name, person.address);
  const claims = await verifyToken(token, { apiUrl: BALANCER, secretKey: SECRET_KEY, skipJwksCache: true });
  assert.equal(claims.sub, person.userId);
  assert.deepEqual(person.answers.filter(({ status }) => status >= 500), []);
  assert.deepEqual(person.strayRequests, []);
  assert.deepEqual(person.pageErrors, []);
}

function kill(node) {
  assert.ok(!killed.has(node), `${node} has answered after its end`);
  process.kill(PROCESSES[node], 'SIGKILL');
  killed.add(node);
}

/** A page that loads clerk-js and its components from the nodes, and then does something. */
function page(then) {
  const attributes = `data-clerk-publishable-key="${LIVE_KEY}" data-clerk-proxy-url="${BALANCER}"`;
  return html(`
    <div id="app"></div>
    <script crossorigin="anonymous" src="${BALANCER}/npm/@clerk/ui@1/dist/ui.browser.js"></script>
    <script crossorigin="anonymous" ${attributes} src="${BALANCER}/npm/@clerk/clerk-js@6/dist/clerk.browser.js"></script>
    <script>
      Clerk.load({ telemetry: false, ui: { ClerkUI: window.__internal_ClerkUICtor } }).then(() => { ${then} });
    </script>`);
}
