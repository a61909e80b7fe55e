//! An HTTP server that a test controls: a word API or a handler.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use eventpipeline_testkit::eventually;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Number of requests before it.
    pub(crate) before: usize,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) client: SocketAddr,
    /// Time when it arrived.
    pub(crate) at: Instant,
}

/// A server and its requests.
pub(crate) struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Starts a server with the function that answers its requests.
    pub(crate) async fn start<F>(answer: impl Fn(Asked) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response> + Send,
    {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let requests = Arc::clone(&asked);
        let route = async move |ConnectInfo(client): ConnectInfo<SocketAddr>, request: Request| {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            let request = {
                let mut requests = requests.lock().unwrap();
                let (before, at) = (requests.len(), Instant::now());
                let request = Asked { before, headers: parts.headers, body, client, at };
                requests.push(request.clone());
                request
            };
            answer(request).await
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = Router::new().fallback(route).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(axum::serve(listener, service).into_future());
        Self { address, asked }
    }

    /// Starts a word API that answers `text` to all requests once the returned gate is open.
    pub(crate) async fn gated(text: &'static str) -> (Self, watch::Sender<bool>) {
        let (open, gate) = watch::channel(false);
        let server = Self::start(move |_| {
            let mut gate = gate.clone();
            async move {
                gate.wait_for(|open| *open).await.unwrap();
                word(text)
            }
        });
        (server.await, open)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Returns all requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits for `many` requests.
    pub(crate) async fn until_asked(&self, many: usize) {
        eventually(async || (self.asked().len() >= many).then_some(())).await;
    }
}

/// Returns the answer of a word API.
pub(crate) fn word(text: &str) -> Response {
    ([("content-type", "application/json")], format!("[{{\"word\": \"{text}\"}}]")).into_response()
}

/// Returns the variables of a consumer with the word API at `url`, and further variables.
pub(crate) fn word_api<'a>(url: &'a str, further: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("HANDLER", "word-api"), ("WORD_API_URL", url)], further].concat()
}

/// Returns the variables of a consumer that posts its events to `url`, and further variables.
pub(crate) fn http<'a>(url: &'a str, further: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("HANDLER", "http"), ("HANDLER_URL", url)], further].concat()
}
