//! The tasks behind the API.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eventpipeline_database::{Database, Error, EventId, Role};
use eventpipeline_service::{
    Announcer, Check, Lifecycle, Sampler, SamplerArgs, Service, Wakeup, Wakeups, error_chain,
};
use tokio_util::sync::CancellationToken;
use tracing::info;
use url::Url;

use crate::api::{Limits, Requests};
use crate::changer::Changer;
use crate::keeper::Keeper;
use crate::ledger::{Figures, Ledger};
use crate::mailbox::mailbox;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::reader::Reader;
use crate::retention::Rule;
use crate::storage::{Agent, Storage};
use crate::surveyor::Surveyor;
use crate::waiters::Waiters;
use crate::writer;

/// What the tasks and the API share.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) limits: Limits,
    /// What answers may take.
    pub(super) answers: Memory,
    pub(super) waiters: Waiters,
    pub(super) announcer: Announcer,
    pub(super) storage: Storage,
    pub(super) metrics: Metrics,
}

/// What the keeper is to do.
#[derive(Debug)]
pub(super) struct Keeping {
    pub(super) rules: Vec<Rule>,
    /// Whether somebody tells how full the volume is: what removed events have left is of use then.
    pub(super) watches: bool,
}

/// Each has a session of its own, and no more: what is stated is all that this process takes from the database.
pub(super) fn spawn(
    Service { lifecycle, readiness, admin_routes, .. }: &mut Service,
    database: &Database,
    figures: Figures,
    Common { limits, answers, waiters, announcer, storage, metrics }: &Common,
    Keeping { rules, watches }: Keeping,
    api_ended: &CancellationToken,
) -> Requests {
    let mut connections = 0;
    let mut session = || {
        connections += 1;
        database.session()
    };
    let check = readiness.check("database");
    let (create, creations) = mailbox(writer::CAPACITY);
    lifecycle.spawn("writer", writer::run(session(), creations, announcer.clone(), metrics.clone()));
    let (reader, reads) = Reader::new(session());
    lifecycle.spawn("reader", reader.run());
    let (surveyor, surveys) = Surveyor::new(session(), limits.payload_bytes, answers.clone());
    lifecycle.spawn("surveyor", surveyor.run());
    let (task, changes) = Changer::new(session());
    lifecycle.spawn("changer", task.run());
    let ledger = Ledger::new(session(), figures, storage.clone());
    lifecycle.spawn_once_ready("ledger", &check, ledger.run(lifecycle.draining()));
    let storage = watches.then(|| storage.clone());
    let keeper = Keeper { session: session(), rules, storage, metrics: metrics.clone() };
    lifecycle.spawn_once_ready("keeper", &check, keeper.run(lifecycle.draining()));
    lifecycle.spawn("waiters", waiters.clone().run(session(), api_ended.clone()));
    let schema_is_old = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&schema_is_old);
    // For the operator: a restored database may lack what its schema Job has done.
    admin_routes.add("/schema", move || {
        let old = told.load(Ordering::Relaxed);
        async move { Ok::<_, Infallible>(serde_json::json!({"old": old})) }
    });
    let mut served = false;
    let report = move |state: Result<(), Error>| {
        schema_is_old.store(matches!(state, Err(Error::SchemaOld { .. })), Ordering::Relaxed);
        served = report(&check, served, &state);
    };
    let watch = eventpipeline_database::watch(session(), Role::Producer, lifecycle.draining(), report);
    lifecycle.spawn("database health", async {
        watch.await;
        Ok(())
    });
    database.report_max_sessions(connections);
    info!(connections, "uses at most {connections} database connections");
    Requests { create, reads, surveys, changes }
}

/// Asks how full the database's volume is, where there is somebody to ask.
pub(super) fn watch_volume(
    lifecycle: &mut Lifecycle,
    url: Option<Url>,
    storage: &Storage,
) -> anyhow::Result<()> {
    if let Some(url) = url {
        let agent = Agent::new(url, storage.clone())?;
        lifecycle.spawn("volume", agent.run(lifecycle.draining()));
    }
    Ok(())
}

/// A producer that was ready once stays so while the database is away, and answers 503 itself: without a ready pod, the route would
/// answer in its own words, and go on to do so after the database is back. Gives whether it was ready once.
fn report(check: &Check, served: bool, state: &Result<(), Error>) -> bool {
    match state {
        Err(failure) if served && !failure.is_schema_error() => check.degraded(error_chain(failure)),
        state => check.report(state),
    }
    served || state.is_ok()
}

/// Tells the waiters what others announce, until the very end: clients wait until then.
pub(super) fn hear(lifecycle: &mut Lifecycle, wakeups: Wakeups, waiters: Waiters) {
    let heard = move |wakeup| match wakeup {
        Wakeup::Finished(ids) => waiters.ended(ids.into_iter().filter_map(EventId::new)),
        Wakeup::Work => {}
    };
    lifecycle.spawn_until_end("wakeups", wakeups.run(CancellationToken::new(), heard));
}

/// The log lines of creations, until the API has ended.
pub(super) fn tell(
    lifecycle: &mut Lifecycle,
    args: SamplerArgs,
    api_ended: CancellationToken,
) -> Arc<Sampler> {
    let lines = Arc::new(Sampler::new(args));
    let task = Arc::clone(&lines);
    lifecycle.spawn("log of creations", async move {
        task.run(api_ended, |events| info!(events, "{events} more events are created")).await;
        Ok(())
    });
    lines
}
