// An application built on @clerk/react: the prebuilt form, a form of its own, and a page behind both.

import { ClerkProvider, Show, SignOutButton, SignUp, useAuth, useSignUp, useUser } from '@clerk/react';
import { useState } from 'react';
import { createRoot } from 'react-dom/client';

function Prebuilt() {
  return <SignUp routing="hash" forceRedirectUrl={location.pathname} />;
}

function OwnForm() {
  const { signUp, errors } = useSignUp();
  const [sent, setSent] = useState(false);

  const begin = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const { error } = await signUp.password({ emailAddress: form.get('email'), password: form.get('password') });
    if (error) return;
    const { error: unsent } = await signUp.verifications.sendEmailCode();
    if (!unsent) setSent(true);
  };
  const finish = async (event) => {
    event.preventDefault();
    const code = new FormData(event.target).get('code');
    const { error } = await signUp.verifications.verifyEmailCode({ code });
    if (!error && signUp.status === 'complete') await signUp.finalize();
  };

  return sent ? (
    <form onSubmit={finish}>
      <input name="code" />
      <button>Verify</button>
      <p id="code-error">{errors.fields.code?.longMessage}</p>
    </form>
  ) : (
    <form onSubmit={begin}>
      <input name="email" />
      <input name="password" type="password" />
      <button>Sign up</button>
      <p id="email-error">{errors.fields.emailAddress?.longMessage}</p>
    </form>
  );
}

function Inside() {
  const { user } = useUser();
  const { getToken } = useAuth();
  const [token, setToken] = useState('');
  return (
    <main>
      <p id="user">{user.id}</p>
      <p id="email">{user.primaryEmailAddress.emailAddress}</p>
      <button id="ask" onClick={async () => setToken(await getToken())}>
        Token
      </button>
      <p id="token">{token}</p>
      <SignOutButton redirectUrl={location.pathname}>
        <button id="leave">Leave</button>
      </SignOutButton>
    </main>
  );
}

const { form, options } = JSON.parse(document.getElementById('configuration').textContent);
const Outside = form === 'own' ? OwnForm : Prebuilt;

createRoot(document.getElementById('app')).render(
  <ClerkProvider {...options}>
    <Show when="signed-out">
      <Outside />
    </Show>
    <Show when="signed-in">
      <Inside />
    </Show>
  </ClerkProvider>,
);
