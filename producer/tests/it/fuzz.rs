//! Random requests never cause a 5xx response or unbounded memory.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::Producer;

const SEED: u64 = 20_261_124;
const REQUESTS: usize = 1500;

const METHODS: &[&str] = &["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "BREW"];
const PATHS: &[&str] = &[
    "/",
    "/1",
    "/%00",
    "/%FF",
    "/create-async",
    "/create-sync",
    "/v1/events",
    "/v1/events/1",
    "/v1/events/1/retry",
    "/v1/events/%31/cancel",
    "/v1/stats",
    "/openapi.json",
    "//",
    "/v1/",
    "/../1",
    "/18446744073709551616",
];
const QUERIES: &[&str] = &[
    "",
    "?",
    "?&&",
    "?priority=9",
    "?priority=1&priority=2",
    "?priority=%F0%9F",
    "?notBefore=9999-12-31T23:59:59Z",
    "?notBefore=-009999-01-01T00:00:00Z",
    "?delaySeconds=4294967295",
    "?delaySeconds=-1",
    "?state=done&olderThanSeconds=3162240000",
    "?state=dead&limit=1000",
    "?cursor=-1-1",
    "?cursor=253402207200999999-9223372036854775807",
    "?cursor=%00",
    "?limit=1e3",
];
const TYPES: &[&str] =
    &["application/json", "application/x-ndjson", "text/plain", "application/x+json; x=\"", "\u{e9}"];
const TEXTS: &[&str] = &[
    "null",
    "{}",
    "[{},{}]",
    "{\"payload\":{\"a\":[1,2]},\"priority\":3}\n{}",
    "{\"priority\":1e999}",
    "\"\\ud800\"",
    "[[[[[[[[[[[[",
    "{\"notBefore\":\"0000-01-01T00:00:00Z\"}",
    "{\"delaySeconds\":1e9}",
    "{\"payload\":\"\\u0000\"}",
    "1e400",
    "-0",
    "",
];

fn pick(random: &mut StdRng, from: &[&str]) -> String {
    (*from.choose(random).unwrap()).to_owned()
}

fn noise(random: &mut StdRng, longest: usize) -> Vec<u8> {
    let length = random.random_range(0..=longest);
    (0..length).map(|_| random.random()).collect()
}

/// Returns a random header value, which may be invalid.
fn header(random: &mut StdRng) -> Vec<u8> {
    noise(random, 300).into_iter().filter(|byte| !b"\r\n\0".contains(byte)).collect()
}

fn body(random: &mut StdRng) -> Vec<u8> {
    let mut body = pick(random, TEXTS).into_bytes();
    for _ in 0..random.random_range(0..3) {
        let at = random.random_range(0..=body.len());
        let noise = noise(random, 4);
        body.splice(at..at, noise);
    }
    body
}

fn request(random: &mut StdRng) -> Vec<u8> {
    let (method, path, query) = (pick(random, METHODS), pick(random, PATHS), pick(random, QUERIES));
    let mut request =
        format!("{method} {path}{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n").into_bytes();
    // Without a wait, because no consumer runs.
    request.extend(b"prefer: wait=0, ");
    request.extend(header(random));
    if random.random_bool(0.3) {
        request.extend(b"\r\nidempotency-key: ");
        request.extend(header(random));
    }
    request.extend(b"\r\ncontent-type: ");
    request.extend(pick(random, TYPES).into_bytes());
    let body = body(random);
    request.extend(format!("\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes());
    request.extend(body);
    request
}

/// Sends bytes, and returns the response.
async fn exchange(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut answer = Vec::new();
    // The server may close the connection before it has received all bytes.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

#[tokio::test]
async fn random_requests_do_not_break_a_producer() {
    let producer = Producer::start().await;
    let address = producer.api.trim_start_matches("http://");
    let mut random = StdRng::seed_from_u64(SEED);
    let mut resident = Vec::new();
    for number in 0..REQUESTS {
        let sent = request(&mut random);
        let answer = exchange(address, &sent).await;
        let status = String::from_utf8_lossy(&answer[..answer.len().min(12)]).into_owned();
        assert!(!status.starts_with("HTTP/1.1 5"), "{status} to {}", String::from_utf8_lossy(&sent));
        exchange(address, &noise(&mut random, 200)).await;
        if number % 500 == 499 {
            resident.push(producer.metric("process_resident_memory_bytes").await.unwrap());
        }
    }
    assert!(resident.last().unwrap() - resident[0] < 16.0 * 1024.0 * 1024.0, "{resident:?}");
    assert_eq!(producer.get("/").await.status(), 200);
}
