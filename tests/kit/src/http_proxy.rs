//! An HTTP proxy that records requests, refuses some and loses the responses to others.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, Response};
use hyper::body::Incoming;
use reqwest::Client;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::{client, error::Error, or_panic, relay};

/// A treatment of a request, other than passing it on and returning the response.
#[derive(Debug)]
pub enum Treatment {
    /// The proxy answers by itself.
    Answer(Response<String>),
    /// The proxy passes the request on, reads the response to its end, and cuts the connection.
    LoseResponse,
}

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// Time of its arrival.
    pub at: Instant,
    /// Its method.
    pub method: Method,
    /// Path with its query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

#[derive(Debug)]
struct Shared {
    server: String,
    client: Client,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    plan: VecDeque<Treatment>,
    arrived: Vec<Arrived>,
}

/// A proxy of an HTTP server. Everything ends when it is dropped.
#[derive(Debug)]
pub struct HttpProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl HttpProxy {
    /// Starts a proxy that passes every request on.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Error::io("bind a proxy"));
        let listener = or_panic("a proxy", listener);
        let address =
            or_panic("a proxy", listener.local_addr().map_err(Error::io("read the port of a proxy")));
        let shared = Shared { server: format!("http://{server}"), client: client(), state: Mutex::default() };
        let shared = Arc::new(shared);
        let answering = Arc::clone(&shared);
        let mut tasks = JoinSet::new();
        tasks.spawn(relay::serve(listener, move |request| {
            let shared = Arc::clone(&answering);
            async move { shared.answer(request).await }
        }));
        Self { address, shared, _tasks: tasks }
    }

    /// Returns the proxy's URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Plans the treatment of the next requests; those after them are passed on. Forgets the requests so far.
    pub fn plan(&self, treatments: impl IntoIterator<Item = Treatment>) {
        *self.shared.state() = State { plan: treatments.into_iter().collect(), arrived: Vec::new() };
    }

    /// Returns the requests since the plan was made.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.shared.state().arrived.clone()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a request and returns its treatment.
    fn record(&self, head: &Parts, body: &Bytes) -> Option<Treatment> {
        let mut state = self.state();
        state.arrived.push(Arrived {
            at: Instant::now(),
            method: head.method.clone(),
            path: relay::path_of(head).to_owned(),
            headers: head.headers.clone(),
            body: body.clone(),
        });
        state.plan.pop_front()
    }

    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let (head, body) = relay::read(request).await?;
        match self.record(&head, &body) {
            Some(Treatment::Answer(response)) => Ok(response.map(Body::from)),
            Some(Treatment::LoseResponse) => {
                let response = relay::pass_on(&self.client, &self.server, head, body).await?;
                axum::body::to_bytes(response.into_body(), usize::MAX).await.map_err(io::Error::other)?;
                Err(io::Error::other("the response is lost"))
            }
            None => relay::pass_on(&self.client, &self.server, head, body).await,
        }
    }
}
