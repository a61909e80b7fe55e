//! The parts that all EventPipeline binaries share: arguments, telemetry, metrics, the admin server and the
//! lifecycle.
//!
//! A binary parses its arguments with [`parse`] and passes its work to [`serve`] (until SIGTERM) or to
//! [`run_to_completion`] (a job). Both return the process's exit code, and both log an error exactly once.

mod admin;
mod admin_routes;
mod args;
mod capacity;
mod command;
mod error_chain;
mod http;
mod lifecycle;
mod listen;
mod metrics;
mod readiness;
mod sampler;
mod telemetry;
mod traces;
mod wakeups;

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use prometheus::Registry;
use tracing::{error, info};

use capacity::Capacity;
use traces::Traces;

pub use admin_routes::AdminRoutes;
pub use args::{AdminArgs, LogArgs, LogFormat, ServiceArgs, parse, refuse};
pub use command::{exit_code, print};
pub use error_chain::error_chain;
pub use http::{HttpLimits, Refusals, serve_http};
pub use lifecycle::Lifecycle;
pub use listen::listen;
pub use metrics::{Budget, Label, MetricFactory, metrics_reference, registered, registry};
pub use opentelemetry::KeyValue;
pub use readiness::{Check, Readiness, STARTUP};
pub use sampler::{Sampler, SamplerArgs};
pub use traces::{Caller, Span, Tracer};
pub use wakeups::{Announcer, Wakeup, WakeupArgs, WakeupMetrics, Wakeups};

/// Maximum delay of the exit by a blocked thread, such as one that resolves a name.
const BLOCKED_LIMIT: Duration = Duration::from_secs(1);

/// A running service, with which its tasks, readiness checks and metrics are registered.
#[derive(Debug)]
pub struct Service {
    /// The tasks, and the end of the process.
    pub lifecycle: Lifecycle,
    /// The checks of `/readyz`.
    pub readiness: Readiness,
    /// The metrics of `/metrics`.
    pub registry: Registry,
    /// Further routes of the admin port.
    pub admin_routes: AdminRoutes,
    /// Starts spans, if an exporter is configured.
    pub tracer: Tracer,
    /// Maximum number of connections of an API, by the files and the memory that the process may use.
    pub connections: usize,
    /// A check that passes once all others are registered, until the service drains.
    serving: Check,
}

/// Runs a service until SIGTERM or SIGINT, or until one of its tasks fails.
///
/// The admin server answers before `start` is called. `start` must return quickly: waiting belongs in a task
/// of the service's [`Lifecycle`], where a signal can end it.
pub fn serve(
    name: &'static str,
    args: &ServiceArgs,
    start: impl AsyncFnOnce(&mut Service) -> anyhow::Result<()>,
) -> ExitCode {
    let capacity = Capacity::raised();
    run(name, &args.log, async |tracer| {
        let mut service = Service::new(name, args, tracer, capacity)?;
        start(&mut service).await?;
        service.run().await
    })
}

impl Service {
    /// Starts the admin server. The service is not ready until [`Service::run`].
    fn new(
        name: &'static str,
        args: &ServiceArgs,
        tracer: Tracer,
        capacity: Capacity,
    ) -> anyhow::Result<Self> {
        let registry = metrics::registry(name)?;
        let readiness = Readiness::default();
        let serving = readiness.check("serving");
        let mut lifecycle = Lifecycle::new(args.drain())?;
        let admin_routes = AdminRoutes::default();
        let admin = admin::bind(args.admin.admin_address)?;
        lifecycle.spawn_until_end(
            "admin server",
            admin.serve(readiness.clone(), registry.clone(), admin_routes.clone()),
        );
        let connections = capacity.connections();
        Ok(Self { lifecycle, readiness, registry, admin_routes, tracer, connections, serving })
    }

    /// Runs until a signal or until a task fails. The service is ready while its checks pass, until it
    /// drains.
    async fn run(mut self) -> anyhow::Result<()> {
        let (draining, serving) = (self.lifecycle.draining(), self.serving);
        serving.ready();
        self.lifecycle.spawn_until_end("readiness while draining", async move {
            draining.cancelled().await;
            serving.draining();
            std::future::pending().await
        });
        self.lifecycle.run().await
    }
}

/// Runs a job whose result is the result of the process. SIGTERM and SIGINT end it with an error.
pub fn run_to_completion(
    name: &'static str,
    log: &LogArgs,
    job: impl Future<Output = anyhow::Result<()>>,
) -> ExitCode {
    run(name, log, async |_| {
        let mut signals = lifecycle::Signals::listen()?;
        tokio::select! {
            result = job => result,
            signal = signals.next() => anyhow::bail!("interrupted by {signal}"),
        }
    })
}

fn run(name: &'static str, log: &LogArgs, work: impl AsyncFnOnce(Tracer) -> anyhow::Result<()>) -> ExitCode {
    telemetry::init(log);
    // Several dependencies use TLS; without a process-wide choice each would pick its own provider.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        error!("failed to install the TLS provider: another one is already installed");
        return ExitCode::FAILURE;
    }
    info!(version = env!("CARGO_PKG_VERSION"), "{name} starting");
    let traces = Traces::from_environment(name, log);
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start the asynchronous runtime")
        .and_then(|runtime| {
            let result = runtime.block_on(work(traces.tracer()));
            // Dropping the runtime would wait without limit for a name that is being resolved.
            runtime.shutdown_timeout(BLOCKED_LIMIT);
            result
        });
    traces.end();
    match result {
        Ok(()) => {
            info!("{name} stopped");
            ExitCode::SUCCESS
        }
        Err(error) => {
            error!(error = format!("{error:#}"), "{name} failed");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Args {
        #[command(flatten)]
        service: ServiceArgs,
    }

    #[tokio::test]
    async fn a_service_is_not_ready_until_it_runs() {
        let args = Args::parse_from(["test", "--admin-address=127.0.0.1:0"]).service;
        let service = Service::new("test", &args, Tracer::default(), Capacity::raised()).unwrap();
        let readiness = service.readiness.clone();
        assert_eq!(readiness.report(), (false, "serving: starting\n".to_owned()));
        let running = tokio::spawn(service.run());
        eventpipeline_testkit::eventually(async || readiness.report().0.then_some(())).await;
        running.abort();
    }
}
