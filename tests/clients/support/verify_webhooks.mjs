// Verifies webhooks with the official packages. Reads from standard input a list of requests as JSON, each with the
// secret of its receiver, its headers and its body in base64. Writes for each of them, and for each package, the event
// that the package read or the reason why it refused. Begin reading at `tests/it/webhooks.rs`, which runs it.

import { text } from 'node:stream/consumers';
import { verifyWebhook } from '@clerk/backend/webhooks';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';

const packages = {
  svix: ({ secret, headers, body }) => new SvixWebhook(secret).verify(body.toString(), headers),
  standardwebhooks: ({ secret, headers, body }) => new StandardWebhook(secret).verify(body.toString(), headers),
  '@clerk/backend': ({ secret, headers, body }) =>
    verifyWebhook(new Request('https://app.example.com/webhooks', { method: 'POST', headers, body }), {
      signingSecret: secret,
    }),
};

async function read(verify, request) {
  try {
    return { event: await verify({ ...request, body: Buffer.from(request.body, 'base64') }) };
  } catch (error) {
    return { refused: error.message };
  }
}

const answers = [];
for (const request of JSON.parse(await text(process.stdin))) {
  const answer = {};
  for (const [name, verify] of Object.entries(packages)) {
    answer[name] = await read(verify, request);
  }
  answers.push(answer);
}
process.stdout.write(JSON.stringify(answers));
