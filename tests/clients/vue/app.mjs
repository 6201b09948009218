// An application built on @clerk/vue: the prebuilt form, and the page behind it.

import { SignUp, clerkPlugin, useUser } from '@clerk/vue';
import { createApp, defineComponent, h } from 'vue';

const App = defineComponent(() => {
  const { user } = useUser();
  return () =>
    user.value
      ? h('p', { id: 'email' }, user.value.primaryEmailAddress.emailAddress)
      : h(SignUp, { routing: 'hash', forceRedirectUrl: location.pathname });
});

const { options } = JSON.parse(document.getElementById('configuration').textContent);
createApp(App).use(clerkPlugin, options).mount('#app');
