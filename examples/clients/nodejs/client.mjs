// Posts an event and prints its value: EP=http://127.0.0.1:8080 node client.mjs '{"order": 17}'
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const EP = process.env.EP ?? "http://127.0.0.1:8080";
const LIMIT_MS = 60_000; // of a request with all its tries
// The API server is busy or restarts (429, 503), its volume is full (507), or a proxy does not reach it (502, 504).
const TEMPORARY = [429, 502, 503, 504, 507];

/** Sends a request until its response is final, and returns the JSON. */
async function call(path, { waitSeconds = 0, ...options } = {}) {
  const deadline = Date.now() + LIMIT_MS;
  for (let backoff = 250; ; backoff = Math.min(2 * backoff, 10_000)) {
    let error, isFinal = false, retryAfter = 0;
    try {
      const signal = AbortSignal.timeout((waitSeconds + 10) * 1000);
      const response = await fetch(EP + path, { ...options, signal });
      const text = await response.text();
      if (response.ok) return JSON.parse(text);
      error = problem(response, text);
      isFinal = !TEMPORARY.includes(response.status);
      retryAfter = 1000 * Number(response.headers.get("retry-after")) || 0;
    } catch (broken) {
      // The event may exist or not. The key makes a repetition safe.
      error = new Error(`no response: ${broken.cause?.message ?? broken.message}`);
    }
    const pause = retryAfter + Math.random() * backoff;
    if (isFinal || Date.now() + pause > deadline) throw error;
    await sleep(pause);
  }
}

/** Returns the error of a response. Those of the API are problem documents (RFC 9457); a proxy may send anything. */
function problem(response, text) {
  const documented = response.headers.get("content-type")?.startsWith("application/problem+json");
  const { message } = documented ? JSON.parse(text) : { message: text };
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
  const waitSeconds = Number(process.env.WAIT_SECONDS ?? 10);
  const created = await post(JSON.parse(process.argv[2] ?? "null"), { waitSeconds });
  console.log(created.valor ?? (await valueOf(created.id)));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
