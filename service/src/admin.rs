//! The internal port: `/livez`, `/readyz`, `/metrics`, and the program's own [`Pages`].
//!
//! Liveness says that the process schedules tasks, and nothing of what it depends on: restarting a pod mends no
//! database. Readiness is the sum of named checks and says which of them fails, and why.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{Registry, TextEncoder};
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::chain::chain;
use crate::http::{HttpLimits, serve_http};
use crate::listen::listen;
use crate::pages::{self, Pages};

/// The readiness of a process: ready while every [`Check`] is.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    /// What is wrong with each check; `None` where nothing is.
    checks: Arc<RwLock<BTreeMap<&'static str, Option<Trouble>>>>,
}

/// What is wrong with a check.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trouble {
    why: String,
    /// Whether the process can do its work all the same.
    ready: bool,
}

/// One condition of being ready.
#[derive(Debug, Clone)]
pub struct Check {
    name: &'static str,
    readiness: Readiness,
}

impl Readiness {
    /// Adds a check, which is not ready until it says so.
    pub fn check(&self, name: &'static str) -> Check {
        let check = Check { name, readiness: self.clone() };
        check.not_ready("starting");
        check
    }

    /// Whether every check is ready, and a line for each.
    pub(crate) fn report(&self) -> (bool, String) {
        let checks = self.checks.read().unwrap_or_else(PoisonError::into_inner);
        let mut lines = String::new();
        for (name, failure) in checks.iter() {
            // Writing to a string does not fail.
            let _ = match failure {
                None => writeln!(lines, "{name}: ok"),
                Some(Trouble { why, ready: false }) => writeln!(lines, "{name}: {why}"),
                Some(Trouble { why, ready: true }) => writeln!(lines, "{name}: ready, but {why}"),
            };
        }
        (checks.values().flatten().all(|trouble| trouble.ready), lines)
    }
}

impl Check {
    /// The check holds.
    pub fn ready(&self) {
        self.set(None);
    }

    /// The check holds, or fails for the error and all that led to it.
    pub fn report<E: std::error::Error>(&self, state: &Result<(), E>) {
        match state {
            Ok(()) => self.ready(),
            Err(error) => self.not_ready(chain(error)),
        }
    }

    /// The check fails; `why` is shown to whoever asks and logged when it is new.
    pub fn not_ready(&self, why: impl Into<String>) {
        self.set(Some(Trouble { why: why.into(), ready: false }));
    }

    /// The check holds, though something is wrong that to take this process out of service would not mend; `why` as above.
    pub fn degraded(&self, why: impl Into<String>) {
        self.set(Some(Trouble { why: why.into(), ready: true }));
    }

    fn set(&self, failure: Option<Trouble>) {
        let mut checks = self.readiness.checks.write().unwrap_or_else(PoisonError::into_inner);
        let before = checks.insert(self.name, failure.clone());
        drop(checks);
        if before.as_ref() == Some(&failure) {
            return;
        }
        match failure {
            // A new check: that it is not ready yet is no news.
            Some(_) if before.is_none() => {}
            None => info!(check = self.name, "{} is ready", self.name),
            Some(Trouble { why, ready }) => {
                let state = if ready { "in trouble" } else { "not ready" };
                warn!(check = self.name, why, "{} is {state}", self.name);
            }
        }
    }
}

/// How many connections it serves at a time: kubelet, Prometheus, the operator and a person.
const CONNECTIONS: usize = 64;
/// How long a client may take for the head of a request.
const HEAD: Duration = Duration::from_secs(5);
/// How long an idle connection is kept. Prometheus comes every 15 to 60 s.
const IDLE: Duration = Duration::from_mins(2);

/// The admin server's socket, bound but not yet answering.
#[derive(Debug)]
pub(crate) struct Admin {
    listener: TcpListener,
}

/// Binds the internal port, so that a port in use is an error at start.
pub(crate) fn bind(address: SocketAddr) -> anyhow::Result<Admin> {
    let listener = listen(address)
        .with_context(|| format!("failed to listen on ADMIN_ADDRESS {address}: is the port in use?"))?;
    Ok(Admin { listener })
}

impl Admin {
    /// Answers until it is dropped.
    pub(crate) async fn serve(
        self,
        readiness: Readiness,
        registry: Registry,
        pages: Pages,
    ) -> anyhow::Result<()> {
        info!(address = %self.listener.local_addr()?, "the admin server listens");
        let limits = HttpLimits {
            connections: CONNECTIONS,
            head: HEAD,
            idle: IDLE,
            stall: HEAD,
            ..HttpLimits::default()
        };
        serve_http(self.listener, router(readiness, registry, pages), limits, std::future::pending()).await;
        Ok(())
    }
}

fn router(readiness: Readiness, registry: Registry, pages: Pages) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz).with_state(readiness))
        .route("/metrics", get(metrics).with_state(registry))
        .fallback_service(get(pages::answer).with_state(pages))
}

async fn readyz(State(readiness): State<Readiness>) -> (StatusCode, String) {
    match readiness.report() {
        (true, lines) => (StatusCode::OK, lines),
        (false, lines) => (StatusCode::SERVICE_UNAVAILABLE, lines),
    }
}

async fn metrics(State(registry): State<Registry>) -> Response {
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            warn!(%error, "failed to encode the metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(readiness: &Readiness) -> String {
        start_with(readiness, Pages::default())
    }

    fn start_with(readiness: &Readiness, pages: Pages) -> String {
        let admin = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = admin.listener.local_addr().unwrap();
        let registry = crate::metrics::registry("test").unwrap();
        tokio::spawn(admin.serve(readiness.clone(), registry, pages));
        format!("http://{address}")
    }

    async fn ask(url: String) -> (u16, String) {
        let response = eventpipeline_testkit::client().get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    #[tokio::test]
    async fn ready_when_every_check_is_and_says_which_is_not() {
        let readiness = Readiness::default();
        let (database, schema) = (readiness.check("database"), readiness.check("schema"));
        let url = start(&readiness);
        assert_eq!(ask(format!("{url}/readyz")).await.0, 503);

        database.ready();
        schema.not_ready("version 1, needs 2");
        let (status, text) = ask(format!("{url}/readyz")).await;
        assert_eq!((status, text.as_str()), (503, "database: ok\nschema: version 1, needs 2\n"));

        schema.ready();
        assert_eq!(ask(format!("{url}/readyz")).await.0, 200);

        database.degraded("away");
        let (status, text) = ask(format!("{url}/readyz")).await;
        assert_eq!((status, text.as_str()), (200, "database: ready, but away\nschema: ok\n"));
    }

    #[tokio::test]
    async fn alive_while_not_ready() {
        let readiness = Readiness::default();
        readiness.check("database").not_ready("away");
        let url = start(&readiness);
        assert_eq!(ask(format!("{url}/livez")).await, (200, "ok\n".to_owned()));
    }

    #[tokio::test]
    async fn metrics_show_the_process_and_the_build() {
        let url = start(&Readiness::default());
        let (status, text) = ask(format!("{url}/metrics")).await;
        assert_eq!(status, 200);
        assert!(text.contains("eventpipeline_build_info{binary=\"test\""), "{text}");
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
    }

    #[tokio::test]
    async fn a_programs_own_pages_are_json_or_say_why_not() {
        let pages = Pages::default();
        pages.add("/load", async || Ok::<_, String>([1, 2]));
        pages.add("/queue", async || Err::<(), _>("the database is not available"));
        let url = start_with(&Readiness::default(), pages);
        assert_eq!(ask(format!("{url}/load")).await, (200, "[1,2]".to_owned()));
        assert_eq!(ask(format!("{url}/queue")).await, (503, "the database is not available\n".to_owned()));
        assert_eq!(ask(format!("{url}/other")).await.0, 404);
    }

    #[tokio::test]
    async fn a_port_in_use_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let error = bind(taken.local_addr().unwrap()).unwrap_err();
        assert!(format!("{error:#}").contains("ADMIN_ADDRESS"), "{error:#}");
    }
}
