//! Starts the service: its tasks, and the order in which they end.

mod args;
mod drain;
mod health;
mod ports;
mod spawn;

use std::convert::Infallible;
use std::future::ready;
use std::process::ExitCode;
use std::sync::Arc;

use eventpipeline_database::Database;
use eventpipeline_service::{HttpLimits, Service, Wakeups};
use tokio_util::sync::CancellationToken;

use crate::http::{self, Api, Limits, Requests, StatsBody, Trust};
use crate::memory_budget::MemoryBudget;
use crate::metrics::{Metrics, NAME};
use crate::storage::Storage;
use crate::waits::Waits;
pub(crate) use args::ServeArgs;
use ports::Port;
use spawn::{Shared, TaskSettings};

/// Serves until SIGTERM.
pub(crate) fn run(args: ServeArgs) -> ExitCode {
    let service = args.service.clone();
    eventpipeline_service::serve(NAME, &service, async move |service| start(args, service))
}

fn start(args: ServeArgs, service: &mut Service) -> anyhow::Result<()> {
    let ports = ports::open(args.listen_address, args.public_address)?;
    let metrics = Metrics::new(&service.registry)?;
    let database = Database::new(args.database, metrics.database);
    let limits = Limits {
        payload_bytes: usize::try_from(args.payload_max_bytes)?,
        wait_seconds: args.max_wait_seconds,
    };
    // The tasks end after the API, whose last clients need them.
    let api_ended = CancellationToken::new();
    let (wakeups, announcer) = Wakeups::bind(&args.wakeups, metrics.wakeups)?;
    let waits = Waits::new(metrics.waits);
    spawn::receive_wakeups(&mut service.lifecycle, wakeups, waits.clone());
    let settings = TaskSettings {
        writer: metrics.writer,
        queue_stats: metrics.queue_stats,
        retention: args.retention,
        retention_metrics: metrics.retention,
        watches_volume: args.volume_url.is_some(),
    };
    let storage = Storage::new(metrics.storage);
    spawn::watch_volume(&mut service.lifecycle, args.volume_url, &storage)?;
    let shared = Shared { limits, responses: MemoryBudget::default(), waits, announcer, storage };
    let requests = spawn::database_tasks(service, &database, &shared, settings, &api_ended);
    add_pages(service, &shared.storage, &requests);
    let Shared { limits, responses, waits, announcer, storage } = shared;
    let api = Arc::new(Api {
        requests,
        waits,
        announcer,
        end_of_waiting: drain::end_of_waiting(&mut service.lifecycle, api_ended.clone()),
        limits,
        bodies: MemoryBudget::default(),
        responses,
        storage,
        metrics: metrics.http,
        served_by: args.pod_name,
        tracer: service.tracer.clone(),
        trust: if args.trust_traceparent { Trust::Everyone } else { Trust::NoOne },
        lines: spawn::sample_lines(&mut service.lifecycle, args.lines, api_ended.clone()),
    });
    let with_router = |port: Port| Ok((http::router(&api, port.reach, &args.base_path)?, port));
    let ports = ports.into_iter().map(with_router).collect::<anyhow::Result<Vec<_>>>()?;
    let limits = HttpLimits {
        // Each port has its own share, so that clients of one port cannot exhaust the connections of the other.
        connections: service.connections / ports.len().max(1),
        refusals: http::refusals(api.metrics.clone(), api.served_by.clone()),
        ..HttpLimits::default()
    };
    ports::serve(&mut service.lifecycle, ports, limits, api_ended);
    Ok(())
}

/// Adds the pages that the operator reads.
fn add_pages(service: &Service, storage: &Storage, requests: &Requests) {
    let storage = storage.clone();
    service.admin_routes.add("/storage", move || ready(Ok::<_, Infallible>(storage.page())));
    let db = Arc::clone(&requests.db);
    service.admin_routes.add("/queue", move || {
        let db = Arc::clone(&db);
        async move { db.queue_stats().await.map(StatsBody::from) }
    });
}
