// better-auth over PostgreSQL, which the bench `nodes` measures beside Vestibule: sign-ups by a code, without limits and mail.
// `node server.mjs PORT FOLDER_OF_THE_SOCKET WORKERS`. Prints "ready" once the tables are there and all workers listen.

import cluster from "node:cluster";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { emailOTP } from "better-auth/plugins";
import pg from "pg";

const [port, host, workers] = process.argv.slice(2);
const base = `http://127.0.0.1:${port}`;
const options = {
  baseURL: base,
  secret: "only for measuring, and long enough to be one",
  database: new pg.Pool({ host, user: "vestibule", database: "postgres", max: 16 }),
  rateLimit: { enabled: false },
  logger: { disabled: true },
  telemetry: { enabled: false },
  plugins: [emailOTP({ generateOTP: () => "424242", sendVerificationOTP: async () => {} })],
};

if (cluster.isPrimary) {
  const { runMigrations } = await getMigrations(options);
  await runMigrations();
  await options.database.end();
  let listening = 0;
  cluster.on("listening", () => {
    listening += 1;
    if (listening === Number(workers)) console.log("ready");
  });
  for (let n = 0; n < Number(workers); n++) cluster.fork();
} else {
  process.on("disconnect", () => process.exit());
  const auth = betterAuth(options);
  const server = createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
    const { method, headers } = request;
    const answer = await auth.handler(new Request(base + request.url, { method, headers, body: await text(request) }));
    const body = Buffer.from(await answer.arrayBuffer());
    response.writeHead(answer.status, { "content-length": body.length, "set-cookie": answer.headers.getSetCookie() });
    response.end(body);
  });
  server.listen(Number(port), "127.0.0.1");
}
