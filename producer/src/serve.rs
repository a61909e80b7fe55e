//! The service: its tasks, and the order in which they end.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::HeaderValue;
use axum::serve::ListenerExt as _;
use clap::Args;
use eventpipeline_database::{Database, DatabaseArgs};
use eventpipeline_service::{Service, ServiceArgs};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::api::{self, Api};
use crate::mailbox::mailbox;
use crate::metrics::Metrics;
use crate::waiters::Waiters;
use crate::{reader, writer};

/// Arguments of the service.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address of the HTTP API
    #[arg(long, env = "LISTEN_ADDRESS", default_value = "0.0.0.0:8080")]
    listen_address: SocketAddr,
    /// What `x-served-by` says, so that a client can see which producer answered
    #[arg(long, env = "POD_NAME", default_value = "local", value_parser = header_value)]
    pod_name: HeaderValue,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    service: ServiceArgs,
}

fn header_value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text).map_err(|_| "must be printable ASCII, as it is sent in a header".to_owned())
}

/// Serves until SIGTERM.
pub(crate) fn run(args: ServeArgs) -> ExitCode {
    let service = args.service.clone();
    eventpipeline_service::serve("eventpipeline-producer", &service, async move |service| {
        start(args, service).await
    })
}

async fn start(args: ServeArgs, service: &mut Service) -> anyhow::Result<()> {
    let ServeArgs { listen_address, pod_name, database, service: _ } = args;
    let listener = TcpListener::bind(listen_address).await.with_context(|| {
        format!("failed to listen on LISTEN_ADDRESS {listen_address}: is the port in use?")
    })?;
    let database = Database::new(database);
    let metrics = Metrics::new(&service.registry)?;
    let waiters = Waiters::new(metrics.clone());
    let (create, creations) = mailbox();
    let (event, events) = mailbox();
    let (count, counts) = mailbox();
    let lifecycle = &mut service.lifecycle;
    let times = DrainTimes::of(lifecycle.deadline());
    let give_up = CancellationToken::new();
    // Ends after the API has: its last clients still need the tasks that serve them.
    let api_ended = CancellationToken::new();

    lifecycle.spawn("writer", writer::run(database.session(), creations, metrics.clone()));
    lifecycle.spawn("reader", reader::run(database.session(), events, counts));
    lifecycle.spawn("waiters", waiters.clone().run(database.session(), api_ended.clone()));
    let check = service.readiness.check("database");
    let report = move |state| check.report(&state);
    let watch = eventpipeline_database::watch(database.session(), lifecycle.draining(), report);
    lifecycle.spawn("database health", async {
        watch.await;
        Ok(())
    });

    let draining = lifecycle.draining();
    lifecycle.spawn("end of waiting", end_of_waiting(draining, times, give_up.clone(), api_ended.clone()));
    let api = Api { create, event, count, waiters, give_up, metrics, served_by: pod_name };
    let draining = lifecycle.draining();
    lifecycle.spawn("api", async move {
        info!(address = %listener.local_addr()?, "the API listens");
        let listener = listener.tap_io(|stream| {
            // Without it small answers are slower, not wrong.
            let _ = stream.set_nodelay(true);
        });
        let served = axum::serve(listener, api::router(api))
            .with_graceful_shutdown(async move {
                draining.cancelled().await;
                tokio::time::sleep(times.accepting).await;
            })
            .await;
        api_ended.cancel();
        served.context("the API failed")
    });
    Ok(())
}

/// How a drain's time is spent; the rest of it is for the last answers to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DrainTimes {
    /// Connections are accepted this long after the signal: balancers learn late that a pod is going.
    accepting: Duration,
    /// After this time clients that wait for a value are told where to find it.
    waiting: Duration,
}

impl DrainTimes {
    fn of(deadline: Duration) -> Self {
        Self { accepting: deadline / 5, waiting: deadline * 9 / 10 }
    }
}

async fn end_of_waiting(
    draining: CancellationToken,
    times: DrainTimes,
    give_up: CancellationToken,
    api_ended: CancellationToken,
) -> anyhow::Result<()> {
    draining.cancelled().await;
    tokio::select! {
        () = api_ended.cancelled() => {}
        () = tokio::time::sleep(times.waiting) => give_up.cancel(),
    }
    Ok(())
}
