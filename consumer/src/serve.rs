//! The service: its tasks, and the order in which they end.

use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use eventpipeline_database::{Claimer, Database, LARGEST_CLAIM, Lease, LowWaterMark, Role};
use eventpipeline_service::{Announcer, Service, Wakeup, Wakeups};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::args::ServeArgs;
use crate::aside::Aside;
use crate::attempt::{Attempts, Settlement};
use crate::backoff::Tries;
use crate::claimer::ClaimLoop;
use crate::dispatcher::Dispatcher;
use crate::handlers::Handler;
use crate::heartbeat::Heartbeat;
use crate::holdings::Holdings;
use crate::instruments::{Instruments, NAME};
use crate::journal::Journal;
use crate::keeper::Keeper;
use crate::metrics::Metrics;
use crate::prefetch::Prefetch;
use crate::settler::{LARGEST_BATCH, SETTLERS, Settler};
use crate::wake::{Idle, Work};

/// The sessions of a consumer: claimer, settlers, heartbeat, keeper, and the watch over the database.
const CONNECTIONS: usize = 4 + SETTLERS;

/// Serves until SIGTERM.
pub(crate) fn run(args: ServeArgs) -> ExitCode {
    let service = args.service.clone();
    eventpipeline_service::serve(NAME, &service, async move |service| start(args, service))
}

/// What the tasks share.
struct Shared {
    database: Database,
    holdings: Arc<Holdings>,
    announcer: Announcer,
    work: Arc<Work>,
    metrics: Metrics,
    journal: Arc<Journal>,
}

fn start(args: ServeArgs, service: &mut Service) -> anyhow::Result<()> {
    let instruments = Instruments::new(&service.registry)?;
    let (wakeups, announcer) = Wakeups::bind(&args.wakeups, instruments.wakeups)?;
    let shared = Shared {
        database: Database::new(args.database.clone(), instruments.database),
        holdings: Arc::new(Holdings::new(instruments.loops.clone())),
        announcer,
        work: Arc::default(),
        metrics: instruments.loops,
        journal: Arc::new(Journal::new(&args.journal)),
    };
    let holdings = Arc::clone(&shared.holdings);
    service.pages.add("/work", move || std::future::ready(Ok::<_, Infallible>(holdings.work())));
    let work = Arc::clone(&shared.work);
    let heard = move |wakeup| match wakeup {
        Wakeup::Work => work.announce(),
        // Nobody waits for an event here.
        Wakeup::Finished(_) => {}
    };
    // Answers are announced until the end: it is for the process to end them.
    service.lifecycle.spawn_until_end("wakeups", wakeups.run(CancellationToken::new(), heard));
    let (settle, settlements) = mpsc::channel(2 * LARGEST_BATCH);
    settle_and_keep(&args, &shared, (settle.downgrade(), settlements), service);
    watch(&shared.database, service);
    claim_and_handle(args, shared, settle, service)
}

fn claim_and_handle(
    args: ServeArgs,
    shared: Shared,
    settle: mpsc::Sender<Settlement>,
    service: &mut Service,
) -> anyhow::Result<()> {
    let (sender, buffer) = mpsc::channel(LARGEST_CLAIM);
    let claimer = ClaimLoop {
        session: shared.database.session(),
        mark: LowWaterMark::default(),
        claimer: Claimer::new(&args.pod_name, args.retry.max_attempts),
        lease: Lease::new(args.lease),
        prefetch: Prefetch::new(args.concurrency, args.retry.max_attempts),
        holdings: Arc::clone(&shared.holdings),
        buffer: sender,
        work: shared.work,
        idle: Idle::default(),
        metrics: shared.metrics.clone(),
        tries: Tries::default(),
        last: Instant::now(),
        alone: false,
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
        holdings: shared.holdings,
        settle,
        handling: JoinSet::new(),
        alone: None,
    };
    let lifecycle = &mut service.lifecycle;
    // What is not handled by then is released, and the rest of the drain's time is for writing that down.
    let grace = lifecycle.deadline() * 4 / 5;
    lifecycle.spawn("claimer", claimer.run(lifecycle.draining()));
    lifecycle.spawn("dispatcher", dispatcher.run(lifecycle.draining(), grace));
    Ok(())
}

fn settle_and_keep(
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
        holdings: Arc::clone(&shared.holdings),
        announcer: shared.announcer.clone(),
        metrics: shared.metrics.clone(),
        journal: Arc::clone(&shared.journal),
        tries: Tries::prompt(),
        aside: Aside::default(),
        retry: args.retry,
        lease: args.lease,
        patience,
    };
    let heartbeat = Heartbeat {
        session: shared.database.session(),
        lease: args.lease,
        holdings: Arc::clone(&shared.holdings),
        settle,
        metrics: shared.metrics.clone(),
        tries: Tries::prompt(),
    };
    let keeper = Keeper {
        session: shared.database.session(),
        lease: args.lease,
        max_attempts: args.retry.max_attempts,
        mark: LowWaterMark::default(),
        work: Arc::clone(&shared.work),
        announcer: shared.announcer.clone(),
        metrics: shared.metrics.clone(),
    };
    let lifecycle = &mut service.lifecycle;
    // The heart beats until the last claim is settled.
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
    lifecycle.spawn("keeper", keeper.run(lifecycle.draining()));
}

/// Ready while the database is.
fn watch(database: &Database, service: &mut Service) {
    let address = database.address();
    database.opens_at_most(CONNECTIONS);
    info!(
        address,
        connections = CONNECTIONS,
        "uses up to {CONNECTIONS} connections to the database at {address}"
    );
    let check = service.readiness.check("database");
    let report = move |state| check.report(&state);
    let draining = service.lifecycle.draining();
    let watch = eventpipeline_database::watch(database.session(), Role::Consumer, draining, report);
    service.lifecycle.spawn("database health", async {
        watch.await;
        Ok(())
    });
}
