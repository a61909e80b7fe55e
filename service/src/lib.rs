//! What all EventPipeline binaries share: arguments, telemetry, metrics, the admin server and the lifecycle.
//!
//! A binary parses its arguments with [`parse`] and hands its own work to [`serve`] (until SIGTERM) or to
//! [`run_to_completion`] (a job). Both return the process's exit code, and both write an error once, at the edge.

mod admin;
mod args;
mod capacity;
mod chain;
mod http;
mod invocation;
mod lifecycle;
mod listen;
mod metrics;
mod pages;
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

pub use admin::{Check, Readiness};
pub use args::{AdminArgs, LogArgs, LogFormat, ServiceArgs, parse};
pub use chain::chain;
pub use http::{HttpLimits, Refusals, serve_http};
pub use invocation::{Invocation, Serves, ended, print};
pub use lifecycle::Lifecycle;
pub use listen::listen;
pub use metrics::{Budget, Label, Maker, metrics_reference, registered, registry};
pub use opentelemetry::KeyValue;
pub use pages::Pages;
pub use sampler::{Sampler, SamplerArgs};
pub use traces::{Caller, Span, Tracer};
pub use wakeups::{Announcer, Wakeup, WakeupArgs, WakeupMetrics, Wakeups};

/// How long a look-up of a name, or another call that blocks a thread, may keep a process from ending.
const BLOCKED_LIMIT: Duration = Duration::from_secs(1);

/// A running service: where it registers its tasks, its readiness checks and its metrics.
#[derive(Debug)]
pub struct Service {
    /// Joins every task; decides when the process ends and how.
    pub lifecycle: Lifecycle,
    /// What `/readyz` answers.
    pub readiness: Readiness,
    /// What `/metrics` shows.
    pub registry: Registry,
    /// What the internal port answers besides.
    pub pages: Pages,
    /// Begins spans, where they are sent somewhere.
    pub tracer: Tracer,
    /// How many connections an API may serve at a time, by the files and the memory that the process may use.
    pub connections: usize,
    /// Holds once all other checks are there, and until it drains.
    serving: Check,
}

/// Runs a service until SIGTERM or SIGINT, or until one of its tasks fails.
///
/// The admin server answers before `start` is called. `start` must be quick: what waits for others belongs in a task
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
    /// With an admin server that answers, and not ready until [`Service::run`].
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
        let pages = Pages::default();
        let admin = admin::bind(args.admin.admin_address)?;
        lifecycle
            .spawn_until_end("admin server", admin.serve(readiness.clone(), registry.clone(), pages.clone()));
        let connections = capacity.connections();
        Ok(Self { lifecycle, readiness, registry, pages, tracer, connections, serving })
    }

    /// Ready, as far as its checks are, until it drains.
    async fn run(mut self) -> anyhow::Result<()> {
        let (draining, serving) = (self.lifecycle.draining(), self.serving);
        serving.ready();
        self.lifecycle.spawn_until_end("readiness while draining", async move {
            draining.cancelled().await;
            serving.not_ready("draining");
            std::future::pending().await
        });
        self.lifecycle.run().await
    }
}

/// Runs a job: its result is the process's result, and SIGTERM or SIGINT ends it with an error.
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
    // Several dependencies speak TLS; without a process-wide choice each would pick a provider of its own.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        error!("failed to install the TLS provider: one is installed already");
        return ExitCode::FAILURE;
    }
    info!(version = env!("CARGO_PKG_VERSION"), "{name} starts");
    let traces = Traces::from_environment(name, log);
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start the asynchronous runtime")
        .and_then(|runtime| {
            let result = runtime.block_on(work(traces.tracer()));
            // Not dropped, which would wait without limit for a name that is being looked up.
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
            error!(error = format!("{error:#}"), "{name} stopped on an error");
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
    async fn a_service_that_starts_is_not_ready_whoever_asks() {
        let args = Args::parse_from(["test", "--admin-address=127.0.0.1:0"]).service;
        let service = Service::new("test", &args, Tracer::default(), Capacity::raised()).unwrap();
        let readiness = service.readiness.clone();
        assert_eq!(readiness.report(), (false, "serving: starting\n".to_owned()));
        let running = tokio::spawn(service.run());
        eventpipeline_testkit::eventually(async || readiness.report().0.then_some(())).await;
        running.abort();
    }
}
