//! The service: its tasks, and the order in which they end.

use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use eventpipeline_database::{Database, LARGEST_CLAIM, Lease, LowWaterMark, Owner, Role};
use eventpipeline_service::{Announcer, Check, Service, Wakeup, Wakeups};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::args::ServeArgs;
use crate::attempt::{Attempts, Settlement};
use crate::backoff::Backoff;
use crate::claim_task::{ClaimTask, NamedLane};
use crate::deferred::Deferred;
use crate::dispatcher::Dispatcher;
use crate::handlers::Handler;
use crate::heartbeat::Heartbeat;
use crate::in_flight::InFlight;
use crate::isolated::Isolated;
use crate::journal::Journal;
use crate::metrics::{EventMetrics, Metrics, NAME};
use crate::prefetch::Prefetch;
use crate::reclaimer::Reclaimer;
use crate::settler::{LARGEST_BATCH, SETTLERS, Settler};
use crate::work::{Idle, WorkSignal};

/// Number of database sessions: claim task, settlers, heartbeat, reclaimer, and the watch of the database.
const CONNECTIONS: usize = 4 + SETTLERS;

/// Serves until SIGTERM.
pub(crate) fn run(args: ServeArgs) -> ExitCode {
    let service = args.service.clone();
    eventpipeline_service::serve(NAME, &service, async move |service| start(args, service))
}

/// The state that the tasks share.
struct Shared {
    database: Database,
    /// The readiness of the database.
    check: Check,
    in_flight: Arc<InFlight>,
    announcer: Announcer,
    work: Arc<WorkSignal>,
    metrics: EventMetrics,
    journal: Arc<Journal>,
}

fn start(args: ServeArgs, service: &mut Service) -> anyhow::Result<()> {
    let metrics = Metrics::new(&service.registry)?;
    let (wakeups, announcer) = Wakeups::bind(&args.wakeups, metrics.wakeups)?;
    let shared = Shared {
        database: Database::new(args.database.clone(), metrics.database),
        check: service.readiness.check("database"),
        in_flight: Arc::new(InFlight::new(metrics.events.clone())),
        announcer,
        work: Arc::default(),
        metrics: metrics.events,
        journal: Arc::new(Journal::new(&args.journal, args.handler.name())),
    };
    let in_flight = Arc::clone(&shared.in_flight);
    service.admin_routes.add("/work", move || std::future::ready(Ok::<_, Infallible>(in_flight.summary())));
    let work = Arc::clone(&shared.work);
    let received = move |wakeup| match wakeup {
        Wakeup::Work => work.announce(),
        // No client of a consumer waits for an event.
        Wakeup::Finished(_) => {}
    };
    // Finished events are announced until the process ends.
    service.lifecycle.spawn_until_end("wakeups", wakeups.run(CancellationToken::new(), received));
    let (settle, settlements) = mpsc::channel(2 * LARGEST_BATCH);
    settle_and_reclaim(&args, &shared, (settle.downgrade(), settlements), service);
    watch(&shared, service);
    claim_and_handle(args, shared, settle, service)
}

fn claim_and_handle(
    args: ServeArgs,
    shared: Shared,
    settle: mpsc::Sender<Settlement>,
    service: &mut Service,
) -> anyhow::Result<()> {
    let (sender, buffer) = mpsc::channel(LARGEST_CLAIM);
    let claim_task = ClaimTask {
        session: shared.database.session(),
        lane: args.lane.map(|name| NamedLane { name, check: service.readiness.check("lane") }),
        mark: LowWaterMark::default(),
        owner: Owner::new(&args.pod_name, args.retry.max_attempts),
        lease: Lease::new(args.lease),
        prefetch: Prefetch::new(args.concurrency, args.retry.max_attempts),
        in_flight: Arc::clone(&shared.in_flight),
        buffer: sender,
        work: shared.work,
        idle: Idle::default(),
        metrics: shared.metrics.clone(),
        backoff: Backoff::default(),
        last: Instant::now(),
        isolated: false,
    };
    let attempts = Attempts {
        handler: Handler::new(args.handler, args.handler_limit, args.concurrency)?,
        limit: args.handler_limit,
        retry: args.retry,
        metrics: shared.metrics,
        journal: shared.journal,
        tracer: service.tracer.clone(),
    };
    let dispatcher = Dispatcher {
        buffer,
        concurrency: args.concurrency,
        attempts: Arc::new(attempts),
        in_flight: shared.in_flight,
        settle,
        handling: JoinSet::new(),
        isolated: Isolated::default(),
    };
    let lifecycle = &mut service.lifecycle;
    // Events that are not handled by then are released; the rest of the drain is for settling them.
    let grace = lifecycle.deadline() * 4 / 5;
    lifecycle.spawn_once_ready("claim task", &shared.check, claim_task.run(lifecycle.draining()));
    lifecycle.spawn("dispatcher", dispatcher.run(lifecycle.draining(), grace));
    Ok(())
}

fn settle_and_reclaim(
    args: &ServeArgs,
    shared: &Shared,
    (settle, settlements): (mpsc::WeakSender<Settlement>, mpsc::Receiver<Settlement>),
    service: &mut Service,
) {
    let settlements = Arc::new(Mutex::new(settlements));
    let patience = service.lifecycle.deadline() / 10;
    let settler = || Settler {
        session: shared.database.session(),
        settlements: Arc::clone(&settlements),
        in_flight: Arc::clone(&shared.in_flight),
        work: Arc::clone(&shared.work),
        announcer: shared.announcer.clone(),
        metrics: shared.metrics.clone(),
        journal: Arc::clone(&shared.journal),
        backoff: Backoff::prompt(),
        deferred: Deferred::default(),
        retry: args.retry,
        lease: args.lease,
        patience,
    };
    let heartbeat = Heartbeat {
        session: shared.database.session(),
        lease: args.lease,
        in_flight: Arc::clone(&shared.in_flight),
        settle,
        metrics: shared.metrics.clone(),
        backoff: Backoff::prompt(),
    };
    let reclaimer = Reclaimer {
        session: shared.database.session(),
        lease: args.lease,
        max_attempts: args.retry.max_attempts,
        mark: LowWaterMark::default(),
        work: Arc::clone(&shared.work),
        announcer: shared.announcer.clone(),
        metrics: shared.metrics.clone(),
    };
    let lifecycle = &mut service.lifecycle;
    // Leases are extended until the last claim is settled.
    let settled = CancellationToken::new();
    lifecycle.spawn("heartbeat", heartbeat.run(settled.clone()));
    let (journal, until) = (Arc::clone(&shared.journal), settled.clone());
    lifecycle.spawn("journal", async move {
        journal.run(until).await;
        Ok(())
    });
    let last_settler = Arc::new(settled.drop_guard());
    for _ in 0..SETTLERS {
        let (settler, last_settler) = (settler(), Arc::clone(&last_settler));
        lifecycle.spawn("settler", async move {
            let result = settler.run().await;
            drop(last_settler);
            result
        });
    }
    lifecycle.spawn_once_ready("lease reclaimer", &shared.check, reclaimer.run(lifecycle.draining()));
}

/// Keeps the readiness of the database up to date.
fn watch(Shared { database, check, .. }: &Shared, service: &mut Service) {
    let address = database.address();
    database.report_max_sessions(CONNECTIONS);
    info!(
        address,
        connections = CONNECTIONS,
        "uses up to {CONNECTIONS} connections to the database at {address}"
    );
    let check = check.clone();
    let report = move |state| check.report(&state);
    let draining = service.lifecycle.draining();
    let watch = eventpipeline_database::watch(database.session(), Role::Consumer, draining, report);
    service.lifecycle.spawn("database health", async {
        watch.await;
        Ok(())
    });
}
