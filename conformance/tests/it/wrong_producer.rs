//! A wrong producer: it reads its counter, pauses, and writes it back, and its 404 lacks headers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

type Counter = Arc<AtomicI64>;

/// Pause between read and write, long enough that concurrent requests collide.
const THINKS: Duration = Duration::from_millis(20);

const HEADERS: [(&str, &str); 2] = [("x-service-language", "wrong"), ("access-control-allow-origin", "*")];

/// Starts the server and returns its address.
pub(crate) async fn start() -> String {
    let router = Router::new()
        .route("/", get(count))
        .route("/{id}", get(value))
        .route("/create-async", post(create))
        .route("/create-sync", post(create_sync))
        .with_state(Counter::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    format!("http://{address}/")
}

async fn count(State(counter): State<Counter>) -> Response {
    let body = format!("{{\"events\": {}}}", counter.load(Ordering::SeqCst));
    (HEADERS, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn next(counter: &Counter) -> i64 {
    let id = counter.load(Ordering::SeqCst) + 1;
    tokio::time::sleep(THINKS).await;
    counter.store(id, Ordering::SeqCst);
    id
}

async fn create(State(counter): State<Counter>) -> Response {
    let id = next(&counter).await;
    let body = format!("{{\"message\": \"Event created on demand\", \"id\": {id}}}");
    let headers =
        [(header::LOCATION, format!("/{id}")), (header::CONTENT_TYPE, "application/json".to_owned())];
    (StatusCode::ACCEPTED, HEADERS, headers, body).into_response()
}

async fn create_sync(State(counter): State<Counter>) -> Response {
    next(&counter).await;
    (StatusCode::CREATED, HEADERS, [(header::CONTENT_TYPE, "application/json")], "{\"valor\":\"a\"}")
        .into_response()
}

async fn value(State(counter): State<Counter>, Path(id): Path<String>) -> Response {
    let known = id.parse().is_ok_and(|id: i64| (1..=counter.load(Ordering::SeqCst)).contains(&id));
    if known {
        return (HEADERS, [(header::CONTENT_TYPE, "application/json")], "{\"valor\":\"\"}").into_response();
    }
    let body = "{\"message\": \"Event not found\"}";
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
