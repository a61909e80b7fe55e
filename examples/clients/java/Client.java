// Posts an event and prints its value: EP=http://127.0.0.1:8080 java -cp gson.jar Client.java '{"order": 17}'
import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.stream.JsonReader;
import java.io.IOException;
import java.io.StringReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;

public class Client {
    static final String EP = System.getenv().getOrDefault("EP", "http://127.0.0.1:8080").replaceAll("/+$", "");
    /** Time limit of a request with all its tries. */
    static final long LIMIT_MS = 60_000;
    /** The API server is busy or restarts (429, 503), its volume is full (507), or a proxy does not reach it (502, 504). */
    static final Set<Integer> TEMPORARY = Set.of(429, 502, 503, 504, 507);

    static final HttpClient HTTP =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(10)).build();

    /** Sends a request until its response is final, and returns the JSON. */
    static JsonObject call(HttpRequest.Builder builder, int waitSeconds) throws IOException, InterruptedException {
        var request = builder.timeout(Duration.ofSeconds(waitSeconds + 10)).build();
        var deadline = System.currentTimeMillis() + LIMIT_MS;
        for (long backoff = 250; ; backoff = Math.min(2 * backoff, 10_000)) {
            IOException error;
            boolean isFinal = false;
            long retryAfter = 0;
            try {
                var response = HTTP.send(request, BodyHandlers.ofString());
                if (response.statusCode() < 300) return parse("the response", response.body()).getAsJsonObject();
                error = problem(response);
                isFinal = !TEMPORARY.contains(response.statusCode());
                var seconds = response.headers().firstValue("retry-after").orElse("");
                retryAfter = seconds.matches("\\d{1,9}") ? 1000 * Long.parseLong(seconds) : 0;
            } catch (IOException broken) {
                // The event may exist or not. The key makes a repetition safe.
                error = new IOException("no response: " + broken, broken);
            }
            long pause = retryAfter + ThreadLocalRandom.current().nextLong(backoff);
            if (isFinal || System.currentTimeMillis() + pause > deadline) throw error;
            System.err.printf("retrying in %.1f s: %s%n", pause / 1000.0, error.getMessage());
            Thread.sleep(pause);
        }
    }

    /** Parses JSON. The error names the text. JsonParser would accept more than JSON. */
    static JsonElement parse(String name, String text) {
        try (var reader = new JsonReader(new StringReader(text))) {
            JsonElement document = new Gson().getAdapter(JsonElement.class).read(reader);
            reader.peek(); // an error if more text follows
            return document;
        } catch (IOException malformed) {
            throw new IllegalArgumentException(name + " is not JSON: " + text, malformed);
        }
    }

    /** Returns the error of a response. Those of the API are problem documents (RFC 9457); a proxy may send anything. */
    static IOException problem(HttpResponse<String> response) {
        var type = response.headers().firstValue("content-type").orElse("");
        var message = response.body();
        if (type.startsWith("application/problem+json")) {
            message = parse("the problem document", message).getAsJsonObject().get("message").getAsString();
        }
        return new IOException(response.statusCode() + ": " + message);
    }

    /**
     * Creates an event. Returns `valor`, or `id` if it has no value after `waitSeconds`. All tries have the same key, so they
     * create one event. Use a key of your own, such as `order-17`, if the caller may crash and repeat the request.
     */
    static JsonObject post(String payload, String key, int waitSeconds) throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(URI.create(EP + "/create-sync"))
                .header("Content-Type", "application/json")
                .header("Idempotency-Key", key)
                .header("Prefer", waitSeconds > 0 ? "wait=" + waitSeconds : "respond-async");
        return call(request.POST(BodyPublishers.ofString(payload)), waitSeconds);
    }

    /** Waits for the value of an event. */
    static String valueOf(long id) throws IOException, InterruptedException {
        for (var deadline = System.currentTimeMillis() + LIMIT_MS; System.currentTimeMillis() < deadline; Thread.sleep(1000)) {
            var event = call(HttpRequest.newBuilder(URI.create(EP + "/v1/events/" + id)), 0);
            var state = event.get("state").getAsString();
            if (state.equals("done")) return event.get("valor").getAsString();
            if (!Set.of("pending", "processing").contains(state)) {
                throw new IOException("event " + id + " is " + state + ": " + event.get("error"));
            }
        }
        throw new IOException("event " + id + " has no value yet; read it later");
    }

    public static void main(String[] arguments) throws InterruptedException {
        try {
            if (!EP.matches("https?://[^/\\s]\\S*")) {
                throw new IllegalArgumentException("EP must be like http://127.0.0.1:8080; it is " + EP);
            }
            if (arguments.length != 1) {
                throw new IllegalArgumentException("usage: java -cp gson.jar Client.java '{\"order\": 17}'");
            }
            parse("the argument", arguments[0]);
            var waitSeconds = Integer.parseInt(System.getenv().getOrDefault("WAIT_SECONDS", "10"));
            var created = post(arguments[0], UUID.randomUUID().toString(), waitSeconds);
            System.out.println(created.has("valor") ? created.get("valor").getAsString() : valueOf(created.get("id").getAsLong()));
        } catch (IOException | IllegalArgumentException error) {
            System.err.println(error.getMessage());
            System.exit(1);
        }
    }
}
