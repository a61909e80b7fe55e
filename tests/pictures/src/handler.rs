//! The HTTP handler of a pipeline's consumers, which takes some time and fails as the run wants it.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use rand::RngExt as _;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Kind of answers that a handler gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behavior {
    /// Every event succeeds.
    Working,
    /// A third of the attempts fail, and are retried.
    Failing,
    /// A tenth of the events are rejected: no retry could help.
    Rejecting,
}

/// A running handler; it ends when this is dropped.
pub(crate) struct Handler {
    pub(crate) address: SocketAddr,
    behavior: watch::Sender<Behavior>,
    _server: JoinSet<()>,
}

impl Handler {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let behavior = watch::Sender::new(Behavior::Working);
        let router = Router::new().route("/", post(handle)).with_state(behavior.subscribe());
        let mut server = JoinSet::new();
        server.spawn(async move {
            // It serves until the task is dropped.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, behavior, _server: server })
    }

    pub(crate) fn set(&self, behavior: Behavior) {
        self.behavior.send_replace(behavior);
    }
}

async fn handle(State(behavior): State<watch::Receiver<Behavior>>) -> Response {
    let (pause, roll) = {
        let mut random = rand::rng();
        (Duration::from_millis(random.random_range(10..60)), random.random_range(0..30))
    };
    tokio::time::sleep(pause).await;
    let behavior = *behavior.borrow();
    match behavior {
        Behavior::Failing if roll < 10 => {
            (StatusCode::SERVICE_UNAVAILABLE, "the card network is slow").into_response()
        }
        Behavior::Rejecting if roll < 3 => {
            (StatusCode::UNPROCESSABLE_ENTITY, "this card has expired").into_response()
        }
        _ => Json(json!({"valor": "done"})).into_response(),
    }
}
