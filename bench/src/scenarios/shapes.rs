//! Two shapes of the tables, each under eight sessions that claim and complete in turn: empty, beside a million finished
//! events, and with purge blocked, where looks begin at the start and where they begin at a low-water mark.
//!
//! "One table" is the product's own. "Ready table" keeps what is to be claimed in a small table beside the events, by SQL of
//! its own: once with nothing else, which is the best that it could do, and once with the indexes by which claims that are
//! overdue and events that are old are found, as the product's one index finds them.

mod one_table;
mod ready_table;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use eventpipeline_testkit::Database;
use sqlx::MySqlConnection;
use tokio::task::JoinSet;

use crate::Scale;
use crate::report::{Report, Target};
use crate::system;

use one_table::OneTable;
use ready_table::ReadyTable;

const DATABASE: &str = "shapes";
const EVENTS: u32 = 50_000;
/// Looks from the start are slow.
const EVENTS_FROM_START: u32 = 10_000;
const FINISHED: u32 = 1_000_000;
const SESSIONS: usize = 8;
/// How many events a session claims at once.
const BATCH: usize = 64;
const VALUE: &str = "palavra";

/// Where a session's looks for events begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    FromStart,
    FromMark,
}

/// A shape of the tables, in a database of its own.
trait Shape: Sized {
    const NAME: &'static str;
    type Worker: Worker;

    async fn new(mysql: &Database) -> anyhow::Result<Self>;
    /// For other statements.
    fn sql(&mut self) -> &mut MySqlConnection;
    async fn fill_waiting(&mut self, many: u32) -> anyhow::Result<()>;
    async fn fill_finished(&mut self, many: u32) -> anyhow::Result<()>;
    async fn worker(&self, look: Look) -> anyhow::Result<Self::Worker>;
}

/// A session that works.
trait Worker: Send + 'static {
    /// Claims up to [`BATCH`] events and completes them. Gives how many.
    fn turn(&mut self) -> impl Future<Output = anyhow::Result<u32>> + Send;
}

pub(crate) async fn run(scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    measure::<OneTable>(scale, report).await?;
    measure::<ReadyTable<false>>(scale, report).await?;
    measure::<ReadyTable<true>>(scale, report).await
}

async fn measure<S: Shape>(scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let mysql = system::mysql().await;
    mysql.create_database(DATABASE).await;
    let mut shape = S::new(&mysql).await?;
    let events = scale.events(EVENTS);
    let name = format!("{}, claim and complete by 8 sessions", S::NAME);
    let free = rate(&mut shape, events, Look::FromMark).await?;
    report.add(name.as_str(), free, "events/s", Target::None, "");
    shape.fill_finished(scale.events(FINISHED)).await?;
    let full = rate(&mut shape, events, Look::FromMark).await?;
    report.add(format!("{name}, beside 1,000,000 finished"), full, "events/s", Target::None, "");
    let _forgotten = system::block_purge(&mysql, DATABASE).await?;
    for (look, text, events) in [
        (Look::FromMark, "low-water mark", events),
        (Look::FromStart, "looks from the start", scale.events(EVENTS_FROM_START)),
    ] {
        let blocked = rate(&mut shape, events, look).await?;
        let note = format!("{:.2} of its rate before", blocked / full);
        report.add(format!("{name}, and purge blocked, {text}"), blocked, "events/s", Target::None, note);
    }
    Ok(())
}

/// Events a second.
async fn rate<S: Shape>(shape: &mut S, events: u32, look: Look) -> anyhow::Result<f64> {
    shape.fill_waiting(events).await?;
    let done = Arc::new(AtomicU32::new(0));
    let mut working = JoinSet::new();
    let mut workers = Vec::new();
    for _ in 0..SESSIONS {
        workers.push(shape.worker(look).await?);
    }
    let begun = Instant::now();
    for mut worker in workers {
        let done = Arc::clone(&done);
        working.spawn(async move {
            while done.load(Ordering::Relaxed) < events {
                done.fetch_add(worker.turn().await?, Ordering::Relaxed);
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = working.join_next().await {
        ended??;
    }
    let rate = f64::from(events) / begun.elapsed().as_secs_f64();
    let left = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM Events WHERE valor = ''");
    anyhow::ensure!(left.fetch_one(shape.sql()).await? == 0, "{}: not all are done", S::NAME);
    Ok(rate)
}
