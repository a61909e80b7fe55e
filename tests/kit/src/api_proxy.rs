//! An HTTP proxy of the API server that fails at the n-th call.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fs, io};

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use reqwest::Client;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::{ApiServer, error::Error, folders, or_panic, relay};

/// A fault of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFault {
    /// The proxy answers with this status and does not forward the call.
    Answer(u16),
    /// The proxy cuts the connection and does not forward the call.
    Cut,
    /// The proxy forwards the call and cuts the connection instead of the response.
    Lost,
    /// The proxy forwards and answers the call after it is healed.
    Held,
    /// The proxy neither forwards nor answers the call.
    Silence,
    /// The proxy forwards the call and does not answer it.
    SilenceAfter,
}

/// Returns true if the plan is about a call with this method and path.
type IsMeant = Box<dyn Fn(&Method, &str) -> bool + Send>;

/// The calls that fail, and their fault.
struct Plan {
    is_meant: IsMeant,
    /// Number of matching calls that still succeed.
    before: usize,
    /// Number of calls that fail after these.
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
    /// Number of times that the proxy was healed.
    healed: watch::Sender<usize>,
}

/// A proxy of an API server. Dropping it ends everything.
pub struct ApiProxy {
    address: SocketAddr,
    kubeconfig: PathBuf,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
    _folder: tempfile::TempDir,
}

impl ApiProxy {
    /// Starts a proxy without a fault.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(server: &ApiServer) -> Self {
        or_panic("a proxy of the API server", Self::try_start(server).await)
    }

    async fn try_start(server: &ApiServer) -> Result<Self, Error> {
        // A second installation fails, and the first one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // The certificate is self-signed, and both are on this machine.
        let client = Client::builder().tls_danger_accept_invalid_certs(true).no_proxy().build();
        let client = client.map_err(|error| Error::io("make a client")(io::Error::other(error)))?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Error::io("bind a proxy"))?;
        let address = listener.local_addr().map_err(Error::io("read the port of a proxy"))?;
        let folder = folders::folder("api-proxy")?;
        let kubeconfig = folder.path().join("kubeconfig");
        let theirs = fs::read_to_string(server.kubeconfig()).map_err(Error::io("read a kubeconfig"))?;
        let ours = theirs.replace(&server.url(), &format!("http://{address}"));
        fs::write(&kubeconfig, ours).map_err(Error::io("write a kubeconfig"))?;
        let ((struck, _), (healed, _)) = (watch::channel(0), watch::channel(0));
        let shared = Shared { server: server.url(), client, state: Mutex::default(), struck, healed };
        let shared = Arc::new(shared);
        let mut tasks = JoinSet::new();
        let answering = Arc::clone(&shared);
        tasks.spawn(relay::serve(listener, move |request| {
            let shared = Arc::clone(&answering);
            async move { shared.answer(request).await }
        }));
        Ok(Self { address, kubeconfig, shared, _tasks: tasks, _folder: folder })
    }

    /// Returns the proxy's URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the administrator's kubeconfig with the proxy's URL.
    pub fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig.clone()
    }

    /// Plans that the `number`-th matching call fails, and the `times - 1` calls after it. Forgets the previous plan and its
    /// calls.
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

    /// Ends all faults and forgets all calls.
    pub fn heal(&self) {
        *self.shared.state() = State::default();
        self.shared.healed.send_modify(|healed| *healed += 1);
    }

    /// Waits until this many calls have failed since the plan was made.
    pub async fn struck(&self, times: usize) {
        // The sender exists as long as the proxy.
        let _ = self.shared.struck.subscribe().wait_for(|struck| *struck >= times).await;
    }

    /// Returns the number of calls that have failed since the plan was made.
    pub fn strikes(&self) -> usize {
        *self.shared.struck.borrow()
    }

    /// Returns the calls since the plan was made, such as `PATCH /apis/...`.
    pub fn calls(&self) -> Vec<String> {
        self.shared.state().calls.clone()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the fault of a call.
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
        let (head, body) = relay::read(request).await?;
        relay::pass_on(&self.client, &self.server, head, body).await
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

/// Returns an error response of the API server.
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
