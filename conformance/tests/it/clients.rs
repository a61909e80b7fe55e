//! The clients of examples/clients, with a real producer and consumer, behind a proxy with faults. `dev/polyglot.sh` builds
//! the clients.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::{Json, Router, routing::post};
use eventpipeline_testkit::{Arrived, HttpProxy, Program, Treatment, client, eventually, polyglot};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::support::{Pipeline, Run};

/// A client and a pipeline.
struct World {
    command: Vec<PathBuf>,
    proxy: HttpProxy,
    producer: SocketAddr,
    /// True while the handler works.
    gate: watch::Sender<bool>,
    _programs: [Program; 2],
    _pipeline: Pipeline,
}

impl World {
    async fn start(command: Vec<PathBuf>) -> Self {
        let pipeline = Pipeline::start().await;
        pipeline.migrate().await;
        let (gate, opened) = watch::channel(true);
        let handler = start_handler(opened).await;
        let [producer, consumer] = pipeline.serve(&handler);
        let address = producer.address("the API listens").await;
        let proxy = HttpProxy::start(address).await;
        Self { command, proxy, producer: address, gate, _programs: [producer, consumer], _pipeline: pipeline }
    }

    /// Runs the client with a payload, while these treatments apply.
    async fn run(&self, payload: &str, wait: u32, treatments: impl IntoIterator<Item = Treatment>) -> Run {
        self.proxy.plan(treatments);
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).arg(payload).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C.UTF-8");
        command.env("EP", self.proxy.url()).env("WAIT_SECONDS", wait.to_string());
        tokio::task::spawn_blocking(move || Run::of(&mut command)).await.unwrap()
    }

    /// Returns the number of events ever created.
    async fn events(&self) -> i64 {
        let response = client().get(format!("http://{}/", self.producer)).send().await.unwrap();
        response.json::<Value>().await.unwrap()["events"].as_i64().unwrap()
    }
}

/// Starts a handler that works while `opened` is true and refuses orders without a number. Returns its URL.
async fn start_handler(opened: watch::Receiver<bool>) -> String {
    async fn handle(
        State(mut opened): State<watch::Receiver<bool>>,
        Json(event): Json<Value>,
    ) -> Result<String, (StatusCode, &'static str)> {
        opened.wait_for(|open| *open).await.unwrap();
        let order = event["payload"]["order"].as_i64();
        let order = order.ok_or((StatusCode::UNPROCESSABLE_ENTITY, "an order has a number"))?;
        Ok(format!("order {order}: {}", event["payload"]["note"].as_str().unwrap_or("no note")))
    }
    let router = Router::new().route("/", post(handle)).with_state(opened);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    format!("http://{address}/")
}

/// Returns a response instead of the producer's.
fn answer(status: u16, retry_after: &str, content_type: &str, body: String) -> Treatment {
    let response = Response::builder().status(status).header("content-type", content_type);
    Treatment::Answer(response.header("retry-after", retry_after).body(body).unwrap())
}

/// Returns a problem document as the producer sends it.
fn problem(status: u16, retry_after: &str) -> Treatment {
    let document = json!({
        "type": "urn:eventpipeline:problem:overloaded", "title": "Overloaded", "status": status,
        "detail": "busy as a test", "message": "busy as a test",
    });
    answer(status, retry_after, "application/problem+json", document.to_string())
}

fn header<'a>(request: &'a Arrived, name: &str) -> &'a str {
    request.headers[name].to_str().unwrap()
}

/// Runs all checks of a client.
async fn passes(command: Vec<PathBuf>) {
    let world = World::start(command).await;
    let first = it_prints_the_value(&world).await;
    let second = it_repeats_a_request_without_a_duplicate(&world).await;
    assert_ne!(first, second, "two posts have the same key");
    it_reports_a_problem(&world).await;
    it_reads_the_value_later(&world).await;
    it_reports_a_dead_event(&world).await;
    it_gives_up(&world).await;
}

/// Returns the key.
async fn it_prints_the_value(world: &World) -> String {
    let run = world.run(r#"{"order": 17, "note": "maçã 🍎"}"#, 10, []).await;
    assert_eq!((run.code, run.out.trim_end()), (0, "order 17: maçã 🍎"), "{run:?}");
    let arrived = world.proxy.arrived();
    assert_eq!(arrived.len(), 1, "{arrived:?}");
    let request = &arrived[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/create-sync"));
    assert_eq!(header(request, "prefer"), "wait=10");
    assert!(header(request, "content-type").starts_with("application/json"));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body, json!({ "order": 17, "note": "maçã 🍎" }));
    let key = header(request, "idempotency-key");
    assert!(key.len() >= 16, "a key that another client may have: {key:?}");
    key.to_owned()
}

/// Refuses the first tries, and loses the response to the third, after the event was processed. Returns the key.
async fn it_repeats_a_request_without_a_duplicate(world: &World) -> String {
    let before = world.events().await;
    let run = world
        .run(r#"{"order": 18}"#, 10, [problem(503, "1"), problem(429, "2"), Treatment::LoseResponse])
        .await;
    assert_eq!((run.code, run.out.trim_end()), (0, "order 18: no note"), "{run:?}");
    assert_eq!(world.events().await, before + 1, "one event");
    let tries = world.proxy.arrived();
    let key = header(&tries[0], "idempotency-key");
    assert_eq!(tries.len(), 4, "{tries:?}");
    for (this, next) in tries.iter().zip(&tries[1..]) {
        assert_eq!(header(next, "idempotency-key"), key);
        assert_eq!(next.body, this.body);
    }
    for (at, seconds) in [(0, 1), (1, 2)] {
        let pause = tries[at + 1].at - tries[at].at;
        assert!(pause >= Duration::from_secs(seconds), "it did not wait for Retry-After: {pause:?}");
    }
    key.to_owned()
}

async fn it_reports_a_problem(world: &World) {
    let run = world.run(r#"{"note": "no number"}"#, 10, []).await;
    assert!(run.code == 1 && run.err.contains("is dead") && run.err.contains("500"), "{run:?}");
    assert_eq!(world.proxy.arrived().len(), 1, "the result is final");
}

async fn it_reads_the_value_later(world: &World) {
    world.gate.send_replace(false);
    let run = world.run(r#"{"order": 19}"#, 0, []);
    let work = async {
        eventually(async || (world.proxy.arrived().len() >= 3).then_some(())).await;
        world.gate.send_replace(true);
    };
    let (run, ()) = tokio::join!(run, work);
    assert_eq!((run.code, run.out.trim_end()), (0, "order 19: no note"), "{run:?}");
    let arrived = world.proxy.arrived();
    assert_eq!(header(&arrived[0], "prefer"), "respond-async");
    let id = world.events().await;
    for request in &arrived[1..] {
        assert_eq!((request.method.as_str(), &request.path), ("GET", &format!("/v1/events/{id}")));
    }
}

async fn it_reports_a_dead_event(world: &World) {
    let run = world.run(r#"{"note": "no number"}"#, 0, []).await;
    let id = world.events().await;
    let expected = format!("event {id} is dead: ");
    assert!(run.code == 1 && run.err.contains(&expected) && run.err.contains("has a number"), "{run:?}");
}

/// It neither repeats a request that a proxy refuses, nor waits longer than a minute.
async fn it_gives_up(world: &World) {
    let before = world.events().await;
    let run = world.run("{}", 10, [answer(403, "1", "text/html", "<b>not you</b>".to_owned())]).await;
    assert!(run.code == 1 && run.err.contains("403") && run.err.contains("<b>not you</b>"), "{run:?}");
    assert_eq!(world.proxy.arrived().len(), 1);
    let run = world.run("{}", 10, [problem(503, "3600")]).await;
    assert!(run.code == 1 && run.err.contains("503") && run.err.contains("busy as a test"), "{run:?}");
    assert_eq!(world.proxy.arrived().len(), 1);
    assert_eq!(world.events().await, before);
}

/// Returns the path of a client that needs no build.
fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/clients").join(path)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nodejs_client_works() {
    passes(vec!["node".into(), source("nodejs/client.mjs")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_works() {
    passes(vec!["python3".into(), source("python/client.py")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_go_client_works() {
    passes(vec![polyglot().join("clients/client")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_java_client_works() {
    let folder = polyglot().join("clients");
    let class_path = format!("{0}:{0}/gson.jar", folder.display());
    passes(vec!["java".into(), "-cp".into(), class_path.into(), "Client".into()]).await;
}
