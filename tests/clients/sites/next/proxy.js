import { clerkMiddleware } from '@clerk/nextjs/server';

// Read at each request: the keys are those of the running server, not those of the build.
export default clerkMiddleware(undefined, () => ({
  publishableKey: process.env.CLERK_PUBLISHABLE_KEY,
  proxyUrl: process.env.CLERK_PROXY_URL,
}));

export const config = { matcher: ['/((?!_next|npm|favicon.ico).*)'] };
