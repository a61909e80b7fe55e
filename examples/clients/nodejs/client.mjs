// Posts an event and prints its value: EP=http://127.0.0.1:8080 node client.mjs '{"order": 17}'
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const EP = (process.env.EP ?? "http://127.0.0.1:8080").replace(/\/+$/, "");
const LIMIT_MS = 60_000; // of a request with all its tries
// The API server is busy or restarts (429, 503), its volume is full (507), or a proxy does not reach it (502, 504).
const TEMPORARY = [429, 502, 503, 504, 507];

/** Sends a request until its response is final, and returns the JSON. */
async function call(path, { waitSeconds = 0, ...options } = {}) {
  const deadline = Date.now() + LIMIT_MS;
  for (let backoff = 250; ; backoff = Math.min(2 * backoff, 10_000)) {
    let response, text, error, isFinal = false, retryAfter = 0;
    try {
      const signal = AbortSignal.timeout((waitSeconds + 10) * 1000);
      response = await fetch(EP + path, { ...options, signal });
      text = await response.text();
    } catch (broken) {
      // The event may exist or not. The key makes a repetition safe.
      error = new Error(`no response: ${broken.cause?.message || broken.cause?.code || broken.message}`);
    }
    if (!error) {
      if (response.ok) return parse("the response", text);
      error = problem(response, text);
      isFinal = !TEMPORARY.includes(response.status);
      retryAfter = 1000 * Number(response.headers.get("retry-after")) || 0;
    }
    const pause = retryAfter + Math.random() * backoff;
    if (isFinal || Date.now() + pause > deadline) throw error;
    console.error(`retrying in ${(pause / 1000).toFixed(1)} s: ${error.message}`);
    await sleep(pause);
  }
}

/** Parses JSON. The error names the text. */
function parse(name, text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${name} is not JSON: ${error.message}`);
  }
}

/** Returns the error of a response. Those of the API are problem documents (RFC 9457); a proxy may send anything. */
function problem(response, text) {
  const documented = response.headers.get("content-type")?.startsWith("application/problem+json");
  const { message } = documented ? parse("the problem document", text) : { message: text };
  return new Error(`${response.status} ${response.statusText}: ${message}`);
}

/**
 * Creates an event. Returns `{ valor }`, or `{ id }` if it has no value after `waitSeconds`. All tries have the same key,
 * so they create one event. Pass a key of your own, such as `order-17`, if the caller may crash and repeat the request.
 */
export async function post(payload, { waitSeconds = 10, key = randomUUID() } = {}) {
  const headers = {
    "content-type": "application/json",
    "idempotency-key": key,
    prefer: waitSeconds > 0 ? `wait=${waitSeconds}` : "respond-async",
  };
  return call("/create-sync", { method: "POST", headers, body: JSON.stringify(payload), waitSeconds });
}

/** Waits for the value of an event. */
export async function valueOf(id) {
  for (const deadline = Date.now() + LIMIT_MS; Date.now() < deadline; await sleep(1000)) {
    const { state, valor, error } = await call(`/v1/events/${id}`);
    if (state === "done") return valor;
    if (state !== "pending" && state !== "processing") throw new Error(`event ${id} is ${state}: ${error}`);
  }
  throw new Error(`event ${id} has no value yet; read it later`);
}

try {
  if (!/^https?:\/\//.test(EP) || !URL.canParse(EP)) throw new Error(`EP must be like http://127.0.0.1:8080; it is ${EP}`);
  if (process.argv.length !== 3) throw new Error(`usage: node client.mjs '{"order": 17}'`);
  const waitSeconds = Number(process.env.WAIT_SECONDS ?? 10);
  const created = await post(parse("the argument", process.argv[2]), { waitSeconds });
  console.log(created.valor ?? (await valueOf(created.id)));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
