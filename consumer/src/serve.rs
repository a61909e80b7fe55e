//! The service: its tasks, and the order in which they end.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use eventpipeline_database::{Claimer, Database, DatabaseArgs, Lease};
use eventpipeline_service::{Service, ServiceArgs};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::handlers::{Handler, HandlerArgs};
use crate::metrics::Metrics;
use crate::processor::Processor;
use crate::{claimer, reclaimer, settler};

/// Arguments of the service.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Who claims, as the table's `owner` column says it
    #[arg(long, env = "POD_NAME", default_value = "local")]
    pod_name: String,
    /// How many events are handled at once
    #[arg(long, env = "CONCURRENCY", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,
    /// Seconds after which a claim that was not settled is free for others; longer than any handler's time
    #[arg(long, env = "LEASE_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    lease_seconds: u32,
    #[command(flatten)]
    handler: HandlerArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    service: ServiceArgs,
}

/// Serves until SIGTERM.
pub(crate) fn run(args: ServeArgs) -> ExitCode {
    let service = args.service.clone();
    eventpipeline_service::serve("eventpipeline-consumer", &service, async move |service| {
        start(args, service)
    })
}

fn start(args: ServeArgs, service: &mut Service) -> anyhow::Result<()> {
    let ServeArgs { pod_name, concurrency, lease_seconds, handler, database, service: _ } = args;
    let database = Database::new(database);
    let metrics = Metrics::new(&service.registry)?;
    let lease = Duration::from_secs(lease_seconds.into());
    let lifecycle = &mut service.lifecycle;
    // What is not handled by then is released, and the rest of the drain's time is for writing that down.
    let handling = lifecycle.deadline() * 4 / 5;
    let give_up = CancellationToken::new();
    let handled = CancellationToken::new();
    let (settle, settlements) = mpsc::channel(usize::from(concurrency));

    let processor = Processor {
        handler: Handler::new(&handler)?,
        lease,
        give_up: give_up.clone(),
        metrics: metrics.clone(),
    };
    let claimer = claimer::ClaimLoop {
        session: database.session(),
        claimer: Claimer::new(&pod_name),
        lease: Lease::new(lease),
        concurrency: concurrency.into(),
        processor: Arc::new(processor),
        settle,
        metrics: metrics.clone(),
    };
    let draining = lifecycle.draining();
    let done = handled.clone();
    lifecycle.spawn("claimer", async move {
        claimer.run(draining).await;
        done.cancel();
        Ok(())
    });
    lifecycle.spawn("settler", settler::run(database.session(), settlements, metrics.clone()));
    lifecycle.spawn("end of handling", {
        let draining = lifecycle.draining();
        async move {
            draining.cancelled().await;
            tokio::select! {
                () = handled.cancelled() => {}
                () = tokio::time::sleep(handling) => give_up.cancel(),
            }
            Ok(())
        }
    });
    lifecycle.spawn("reclaimer", reclaimer::run(database.session(), lease, lifecycle.draining(), metrics));
    let check = service.readiness.check("database");
    let report = move |state| check.report(&state);
    let watch = eventpipeline_database::watch(database.session(), lifecycle.draining(), report);
    lifecycle.spawn("database health", async {
        watch.await;
        Ok(())
    });
    Ok(())
}
