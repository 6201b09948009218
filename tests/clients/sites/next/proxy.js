import { clerkMiddleware } from '@clerk/nextjs/server';

export default clerkMiddleware(() => ({ publishableKey: process.env.CLERK_PUBLISHABLE_KEY, proxyUrl: process.env.CLERK_PROXY_URL }));

export const config = { matcher: ['/((?!_next|npm|favicon.ico).*)'] };
