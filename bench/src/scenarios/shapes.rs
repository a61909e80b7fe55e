//! Two shapes of the tables, each with eight sessions that claim and complete: with empty tables, with a million finished
//! events, and with purge blocked, where polls begin at the start or at a low-water mark.
//!
//! "One table" is the product's own shape. "Ready table" keeps the claimable events in an additional small table, with its own
//! SQL: once with nothing else, which is its upper limit, and once with indexes for expired claims and for old events, which
//! the product's single index covers.

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
/// Polls from the start are slow.
const EVENTS_FROM_START: u32 = 10_000;
const FINISHED: u32 = 1_000_000;
const SESSIONS: usize = 8;
/// Number of events that a session claims at once.
const BATCH: usize = 64;
const VALUE: &str = "palavra";

/// The place in line at which a session's polls begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Poll {
    FromStart,
    FromMark,
}

/// A shape of the tables in its own database.
trait Shape: Sized {
    const NAME: &'static str;
    type Worker: Worker;

    async fn new(mysql: &Database) -> anyhow::Result<Self>;
    /// Returns the connection for other statements.
    fn sql(&mut self) -> &mut MySqlConnection;
    async fn fill_waiting(&mut self, many: u32) -> anyhow::Result<()>;
    async fn fill_finished(&mut self, many: u32) -> anyhow::Result<()>;
    async fn worker(&self, poll: Poll) -> anyhow::Result<Self::Worker>;
}

/// A session that claims and completes.
trait Worker: Send + 'static {
    /// Claims up to [`BATCH`] events, completes them, and returns their number.
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
    let free = rate(&mut shape, events, Poll::FromMark).await?;
    report.add(name.as_str(), free, "events/s", Target::None, "");
    shape.fill_finished(scale.events(FINISHED)).await?;
    let full = rate(&mut shape, events, Poll::FromMark).await?;
    report.add(format!("{name}, with 1,000,000 finished"), full, "events/s", Target::None, "");
    let _forgotten = system::block_purge(&mysql, DATABASE).await?;
    for (poll, text, events) in [
        (Poll::FromMark, "low-water mark", events),
        (Poll::FromStart, "polls from the start", scale.events(EVENTS_FROM_START)),
    ] {
        let blocked = rate(&mut shape, events, poll).await?;
        let note = format!("{:.2} of its rate before", blocked / full);
        report.add(format!("{name}, and purge blocked, {text}"), blocked, "events/s", Target::None, note);
    }
    Ok(())
}

/// Returns the events per second.
async fn rate<S: Shape>(shape: &mut S, events: u32, poll: Poll) -> anyhow::Result<f64> {
    shape.fill_waiting(events).await?;
    let done = Arc::new(AtomicU32::new(0));
    let mut working = JoinSet::new();
    let mut workers = Vec::new();
    for _ in 0..SESSIONS {
        workers.push(shape.worker(poll).await?);
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
