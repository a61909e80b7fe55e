// A producer in Node.js.

import http from "node:http";
import { Api } from "./api.js";
import { Database } from "./database.js";
import { settings } from "./settings.js";
import { WaitPoller } from "./waits.js";

const database = new Database(settings.database);
const giveUp = new AbortController();
const api = new Api(database, new WaitPoller(database), settings.podName, giveUp.signal);

let draining = false;
let served = false;

/** The responses in progress. */
const open = new Set();

const server = http.createServer((request, response) => {
  response.shouldKeepAlive &&= !draining;
  open.add(response);
  response.once("close", () => {
    open.delete(response);
    closeWhenAnswered();
  });
  api.handle(request, response);
});
// Longer than proxies keep idle connections: if the server closes first, the next request may be lost.
server.keepAliveTimeout = 75_000;

const admin = http.createServer((request, response) => {
  const answers = { "/livez": true, "/readyz": served && !draining };
  const known = request.url in answers;
  response.writeHead(known ? (answers[request.url] ? 200 : 503) : 404, { "content-type": "text/plain" });
  response.end();
});

/** Becomes ready when the database answers for the first time, and stays ready: during an outage each request gets 503. */
async function serve() {
  try {
    await database.count();
    served = true;
    console.log("ready");
  } catch (error) {
    console.error(`failed to reach the database: ${error.message}`);
    if (!draining) setTimeout(serve, 1000).unref();
  }
}

/** Ends a drain: only connections without a request are left. */
function closeWhenAnswered() {
  if (draining && open.size === 0) server.closeAllConnections();
}

function drain() {
  if (draining) return;
  draining = true;
  console.log("draining");
  const timer = setTimeout(() => giveUp.abort(), settings.drainSeconds * 900);
  server.close(async () => {
    clearTimeout(timer);
    admin.close();
    admin.closeAllConnections();
    await database.close().catch(() => {});
    console.log("drained");
  });
  server.closeIdleConnections();
  for (const response of open) response.shouldKeepAlive = false;
  closeWhenAnswered();
}

process.on("SIGTERM", drain);
process.on("SIGINT", drain);
admin.listen(settings.admin);
server.listen(settings.listen);
serve();
