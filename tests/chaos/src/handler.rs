//! The HTTP handler of the consumers. It counts calls, and is sometimes slow and sometimes fails.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use eventpipeline_chaos::{Recorder, now};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[derive(Clone)]
struct Handler {
    recorder: Arc<Recorder>,
    random: Arc<Mutex<StdRng>>,
}

/// Serves until the process ends.
pub(crate) async fn start(recorder: Arc<Recorder>, seed: u64) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let random = Arc::new(Mutex::new(StdRng::seed_from_u64(seed ^ 1)));
    let router = Router::new().route("/", post(handle)).with_state(Handler { recorder, random });
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// Returns a value that names its attempt, which exposes a completion by an older claim.
async fn handle(State(handler): State<Handler>, Json(event): Json<Value>) -> Response {
    let (id, attempt) =
        (event["id"].as_i64().unwrap_or_default(), event["attempt"].as_i64().unwrap_or_default());
    let (roll, pause) = {
        let mut random = handler.random.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = match attempt {
            // Meanwhile the previous consumer may come back with a completion, which only the fence rejects.
            2.. => random.random_range(500..900),
            _ if random.random_ratio(1, 50) => 700,
            _ => random.random_range(0..80),
        };
        (random.random_range(0..100), Duration::from_millis(pause))
    };
    tokio::time::sleep(pause).await;
    match roll {
        0..3 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        3 => (StatusCode::UNPROCESSABLE_ENTITY, "this event is rejected").into_response(),
        _ => {
            handler.recorder.lock().handled.entry(id).or_default().push(now());
            Json(json!({ "valor": format!("attempt {attempt} of event {id}") })).into_response()
        }
    }
}
