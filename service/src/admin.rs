//! The admin port: `/livez`, `/readyz`, `/metrics`, and the routes that the program adds.
//!
//! Liveness means that the process schedules tasks, and nothing about its dependencies: restarting a pod
//! repairs no database.

use std::net::SocketAddr;
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

use crate::admin_routes::{self, AdminRoutes};
use crate::http::{HttpLimits, serve_http};
use crate::listen::listen;
use crate::readiness::Readiness;

/// Maximum number of connections: the kubelet, Prometheus, the operator and a few people.
const CONNECTIONS: usize = 64;
/// Time to receive the head of a request.
const HEAD: Duration = Duration::from_secs(5);
/// Time that an idle connection is kept. Prometheus scrapes every 15 to 60 s.
const IDLE: Duration = Duration::from_mins(2);

/// The socket of the admin server, bound but not yet answering.
#[derive(Debug)]
pub(crate) struct Admin {
    listener: TcpListener,
}

/// Binds the admin port, so that a port in use is an error at startup.
pub(crate) fn bind(address: SocketAddr) -> anyhow::Result<Admin> {
    let listener = listen(address)
        .with_context(|| format!("failed to listen on ADMIN_ADDRESS {address}: is the port in use?"))?;
    Ok(Admin { listener })
}

impl Admin {
    /// Serves until it is dropped.
    pub(crate) async fn serve(
        self,
        readiness: Readiness,
        registry: Registry,
        routes: AdminRoutes,
    ) -> anyhow::Result<()> {
        info!(address = %self.listener.local_addr()?, "the admin server listens");
        let limits = HttpLimits {
            connections: CONNECTIONS,
            head: HEAD,
            idle: IDLE,
            stall: HEAD,
            ..HttpLimits::default()
        };
        serve_http(self.listener, router(readiness, registry, routes), limits, std::future::pending()).await;
        Ok(())
    }
}

fn router(readiness: Readiness, registry: Registry, routes: AdminRoutes) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz).with_state(readiness))
        .route("/metrics", get(metrics).with_state(registry))
        .fallback_service(get(admin_routes::answer).with_state(routes))
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
        start_with(readiness, AdminRoutes::default())
    }

    fn start_with(readiness: &Readiness, routes: AdminRoutes) -> String {
        let admin = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = admin.listener.local_addr().unwrap();
        let registry = crate::metrics::registry("test").unwrap();
        tokio::spawn(admin.serve(readiness.clone(), registry, routes));
        format!("http://{address}")
    }

    async fn ask(url: String) -> (u16, String) {
        let response = eventpipeline_testkit::client().get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    #[tokio::test]
    async fn readiness_is_the_sum_of_the_checks() {
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
    async fn routes_of_the_program_answer_json_or_an_error() {
        let routes = AdminRoutes::default();
        routes.add("/load", async || Ok::<_, String>([1, 2]));
        routes.add("/queue", async || Err::<(), _>("the database is not available"));
        let url = start_with(&Readiness::default(), routes);
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
