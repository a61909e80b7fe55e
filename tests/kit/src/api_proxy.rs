//! An API server that fails at the n-th call: a proxy that speaks HTTP and passes on to the real one.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fs, io};

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use reqwest::Client;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::{ApiServer, error::Error, or_panic, room};

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFault {
    /// It is answered with this status and not passed on.
    Answer(u16),
    /// The connection is cut before the call is passed on.
    Cut,
    /// The call is passed on, and the connection is cut instead of an answer.
    Lost,
    /// It is passed on and answered once the proxy is healed, and not before.
    Held,
    /// Nothing comes back, and nothing is passed on.
    Silence,
    /// The call is passed on, and nothing comes back.
    SilenceAfter,
}

/// Whether a call, by its method and path, is one of those that are meant.
type IsMeant = Box<dyn Fn(&Method, &str) -> bool + Send>;

/// Which calls fail, and how.
struct Plan {
    is_meant: IsMeant,
    /// Calls that are meant and still go well.
    before: usize,
    /// Calls that fail then.
    fail: usize,
    fault: CallFault,
}

#[derive(Default)]
struct State {
    plan: Option<Plan>,
    calls: Vec<String>,
}

struct Shared {
    server: String,
    client: Client,
    state: Mutex<State>,
    struck: watch::Sender<usize>,
    /// How often it was healed.
    healed: watch::Sender<usize>,
}

/// A proxy in front of an API server. Everything ends when it is dropped.
pub struct ApiProxy {
    address: SocketAddr,
    kubeconfig: PathBuf,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
    _folder: tempfile::TempDir,
}

impl ApiProxy {
    /// A faultless one.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start(server: &ApiServer) -> Self {
        or_panic("a proxy of the API server", Self::try_start(server).await)
    }

    async fn try_start(server: &ApiServer) -> Result<Self, Error> {
        // A second installation is refused, and the first is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // The certificate is the server's own, and both are on this machine.
        let client = Client::builder().tls_danger_accept_invalid_certs(true).no_proxy().build();
        let client = client.map_err(|error| Error::io("make a client")(io::Error::other(error)))?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Error::io("bind a proxy"))?;
        let address = listener.local_addr().map_err(Error::io("read the port of a proxy"))?;
        let folder = room::folder("api-proxy")?;
        let kubeconfig = folder.path().join("kubeconfig");
        let theirs = fs::read_to_string(server.kubeconfig()).map_err(Error::io("read a kubeconfig"))?;
        let ours = theirs.replace(&server.url(), &format!("http://{address}"));
        fs::write(&kubeconfig, ours).map_err(Error::io("write a kubeconfig"))?;
        let ((struck, _), (healed, _)) = (watch::channel(0), watch::channel(0));
        let shared = Shared { server: server.url(), client, state: Mutex::default(), struck, healed };
        let shared = Arc::new(shared);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, kubeconfig, shared, _tasks: tasks, _folder: folder })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The administrator's kubeconfig, by way of this proxy.
    pub fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig.clone()
    }

    /// From now on the `number`-th call that is meant fails, and so do the `times - 1` after it. What was planned before is
    /// forgotten, and so are the calls.
    pub fn fail(
        &self,
        is_meant: impl Fn(&Method, &str) -> bool + Send + 'static,
        number: usize,
        times: usize,
        fault: CallFault,
    ) {
        let plan =
            Plan { is_meant: Box::new(is_meant), before: number.saturating_sub(1), fail: times, fault };
        *self.shared.state() = State { plan: Some(plan), calls: Vec::new() };
        self.shared.struck.send_replace(0);
    }

    /// Nothing fails any more, and no call is known of.
    pub fn heal(&self) {
        *self.shared.state() = State::default();
        self.shared.healed.send_modify(|healed| *healed += 1);
    }

    /// Returns once so many calls have failed since the plan was made.
    pub async fn struck(&self, times: usize) {
        // The sender lives as long as this does.
        let _ = self.shared.struck.subscribe().wait_for(|struck| *struck >= times).await;
    }

    /// How many calls have failed since the plan was made.
    pub fn strikes(&self) -> usize {
        *self.shared.struck.borrow()
    }

    /// The calls since the plan was made, as `PATCH /apis/...`.
    pub fn calls(&self) -> Vec<String> {
        self.shared.state().calls.clone()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to happen to a call.
    fn fate(&self, method: &Method, path: &str) -> Option<CallFault> {
        let mut state = self.state();
        state.calls.push(format!("{method} {path}"));
        let plan = state.plan.as_mut()?;
        if !(plan.is_meant)(method, path) {
            return None;
        }
        if plan.before > 0 {
            plan.before -= 1;
            return None;
        }
        plan.fail = plan.fail.checked_sub(1)?;
        let fault = plan.fault;
        drop(state);
        Some(fault)
    }

    async fn pass_on(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let (head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let mut headers = head.headers;
        for hop in [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
            headers.remove(hop);
        }
        let call = self.client.request(head.method, format!("{}{path}", self.server)).headers(headers);
        let answer = call.body(body).send().await.map_err(io::Error::other)?;
        let answer: Response<reqwest::Body> = answer.into();
        let (mut head, body) = answer.into_parts();
        head.headers = passed_back(&head.headers);
        Ok(Response::from_parts(head, Body::new(body)))
    }

    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let Some(fault) = self.fate(&request.method().clone(), &path) else {
            return self.pass_on(request).await;
        };
        let cut = || io::Error::other("cut by the test");
        let mut healed = self.healed.subscribe();
        let before = *healed.borrow();
        let strike = || self.struck.send_modify(|struck| *struck += 1);
        if matches!(fault, CallFault::Lost | CallFault::SilenceAfter) {
            let _ = self.pass_on(request).await;
            strike();
            return if fault == CallFault::Lost { Err(cut()) } else { std::future::pending().await };
        }
        strike();
        match fault {
            CallFault::Answer(code) => Ok(refusal(code)),
            CallFault::Held => {
                let _ = healed.wait_for(|healed| *healed > before).await;
                self.pass_on(request).await
            }
            CallFault::Silence => std::future::pending().await,
            CallFault::Cut | CallFault::Lost | CallFault::SilenceAfter => Err(cut()),
        }
    }
}

/// As the API server refuses.
fn refusal(code: u16) -> Response<Body> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!("{code} by the test"), "code": code,
    });
    let mut response = Response::new(Body::from(status.to_string()));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// Without what is said of the connection behind this.
fn passed_back(headers: &HeaderMap) -> HeaderMap {
    let of_this_hop = [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH];
    headers
        .iter()
        .filter(|(name, _)| !of_this_hop.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    connections.spawn(connect(client, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connect(client: TcpStream, shared: Arc<Shared>) {
    let _ = client.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { shared.answer(request).await }
    });
    // An error cuts the connection, which is what it is for.
    let _: Result<(), Infallible> =
        http1::Builder::new().serve_connection(TokioIo::new(client), service).await.or(Ok(()));
}
