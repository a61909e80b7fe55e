// The HTTP contract of producers (docs/contracts/http.md, P1 to P15).

const LONGEST_PAYLOAD = 64 * 1024;
const LARGEST_ID = 2n ** 63n - 1n;

/** An error response. */
class Problem extends Error {
  constructor(status, message, headers = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

export class Api {
  #database;
  #waits;
  #headers;
  #giveUp;

  /** `giveUp` is an AbortSignal: when it fires, waiting clients are answered with 202. */
  constructor(database, waits, podName, giveUp) {
    this.#database = database;
    this.#waits = waits;
    this.#giveUp = giveUp;
    this.#headers = {
      "access-control-allow-origin": "*",
      "cache-control": "no-store",
      "content-type": "application/json",
      "x-served-by": podName,
      "x-service-language": "nodejs",
    };
  }

  async handle(request, response) {
    let answer;
    try {
      answer = await this.#answer(request, response);
    } catch (error) {
      answer = failure(error);
    }
    if (response.destroyed) return;
    response.writeHead(answer.status, { ...this.#headers, ...answer.headers });
    response.end(answer.body);
  }

  #answer(request, response) {
    const { method } = request;
    const path = request.url.split("?", 1)[0];
    if (path === "/create-async" || path === "/create-sync") {
      if (method !== "POST") throw new Problem(405, "use POST", { allow: "POST" });
      return path === "/create-async" ? this.#createAsync(request) : this.#createSync(request, response);
    }
    if (method !== "GET" && method !== "HEAD") throw new Problem(405, "use GET", { allow: "GET" });
    return path === "/" ? this.#count() : this.#value(path.slice(1));
  }

  async #count() {
    return { status: 200, body: `{"events":${await this.#database.count()}}` };
  }

  async #value(id) {
    const known = /^[1-9][0-9]{0,18}$/.test(id) && BigInt(id) <= LARGEST_ID;
    const event = known && (await this.#database.events([id])).get(id);
    if (!event) throw new Problem(404, "Event not found");
    return { status: 200, body: JSON.stringify({ valor: event.valor }) };
  }

  async #createAsync(request) {
    return created(await this.#database.create(await payload(request)));
  }

  async #createSync(request, response) {
    const id = await this.#database.create(await payload(request));
    const left = new AbortController();
    response.once("close", () => left.abort());
    if (response.destroyed) left.abort();
    const outcome = await this.#waits.outcome(id, AbortSignal.any([left.signal, this.#giveUp]));
    if (!outcome) return created(id);
    if (outcome.valor) return { status: 201, body: JSON.stringify({ valor: outcome.valor }) };
    if (outcome.dead) throw new Problem(500, `event ${id} exhausted its attempts`);
    if (outcome.cancelled) throw new Problem(409, `event ${id} was cancelled`);
    throw new Problem(410, `event ${id} was removed`);
  }
}

function created(id) {
  return {
    status: 202,
    headers: { location: `/${id}` },
    body: `{"message":"Event created on demand","id":${id}}`,
  };
}

/** Returns the body: JSON text, or null if it is empty. */
async function payload(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > LONGEST_PAYLOAD) {
      throw new Problem(413, `a payload has at most ${LONGEST_PAYLOAD} bytes`, { connection: "close" });
    }
    chunks.push(chunk);
  }
  if (length === 0) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
    JSON.parse(text);
    return text;
  } catch {
    throw new Problem(400, "the body must be JSON in UTF-8, or empty");
  }
}

function failure(error) {
  if (error instanceof Problem) {
    return { status: error.status, headers: error.headers, body: JSON.stringify({ message: error.message }) };
  }
  console.error(`failed to answer: ${error.message}`);
  const message = "the database can't be used at the moment";
  return { status: 503, headers: { "retry-after": "1" }, body: JSON.stringify({ message }) };
}
