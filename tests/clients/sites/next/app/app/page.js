import { ClerkProvider } from '@clerk/nextjs';

// The keys are those of the running server, not those of the build.
export const dynamic = 'force-dynamic';

/** A page with clerk-js. */
export default function App() {
  return (
    <ClerkProvider
      publishableKey={process.env.CLERK_PUBLISHABLE_KEY}
      proxyUrl={process.env.CLERK_PROXY_URL}
      telemetry={false}
      prefetchUI={false}
      __internal_clerkJSUrl="/npm/@clerk/clerk-js/dist/clerk.browser.js"
    >
      <p>An application</p>
    </ClerkProvider>
  );
}
