import { auth } from '@clerk/nextjs/server';

/** Rendered on the server, for whoever asks. */
export default async function Plain() {
  const { userId } = await auth();
  return <p id="user">{userId ?? 'nobody'}</p>;
}
