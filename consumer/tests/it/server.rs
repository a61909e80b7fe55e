//! An HTTP server that does what a test tells it: a word API, or a handler.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use eventpipeline_testkit::eventually;
use tokio::net::TcpListener;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// How often was asked before.
    pub(crate) before: usize,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) client: SocketAddr,
    /// When it came.
    pub(crate) at: Instant,
}

/// A server and what it was asked.
pub(crate) struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers as `answer` says.
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

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// All requests until now.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits until it was asked `many` times.
    pub(crate) async fn until_asked(&self, many: usize) {
        eventually(async || (self.asked().len() >= many).then_some(())).await;
    }
}

/// What a word API answers.
pub(crate) fn word(text: &str) -> Response {
    ([("content-type", "application/json")], format!("[{{\"word\": \"{text}\"}}]")).into_response()
}

/// Variables of a consumer that gets its words at `url`, and more of them.
pub(crate) fn word_api<'a>(url: &'a str, further: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("HANDLER", "word-api"), ("WORD_API_URL", url)], further].concat()
}

/// Variables of a consumer that posts its events to `url`, and more of them.
pub(crate) fn http<'a>(url: &'a str, further: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("HANDLER", "http"), ("HANDLER_URL", url)], further].concat()
}
