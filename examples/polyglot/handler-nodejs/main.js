// A handler in Node.js: it returns the value of each event (docs/contracts/handlers.md).
import { createServer } from "node:http";

/** Returns the value, up to 8,000 characters. The same event may come twice. */
function valueOf(id, payload) {
  const characters = [...`event ${id} says ${JSON.stringify(payload)}`]; // Whole characters: slice() could cut one in two.
  return characters.slice(0, 8000).join("");
}

const server = createServer(async (request, response) => {
  if (request.method === "GET") return response.writeHead(request.url === "/livez" ? 200 : 404).end();
  try {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { payload } = JSON.parse(Buffer.concat(chunks));
    const body = JSON.stringify({ valor: valueOf(request.headers["x-event-id"], payload) });
    response.writeHead(200, { "content-type": "application/json" }).end(body);
  } catch (error) {
    // No retry can fix it: 400 ends the event.
    response.writeHead(400, { "content-type": "text/plain" }).end(`not an event: ${error.message}\n`);
  }
});
server.keepAliveTimeout = 75_000; // Longer than the consumer keeps an idle connection.
server.listen(Number(process.env.PORT ?? 9000));
process.on("SIGTERM", () => server.close());
