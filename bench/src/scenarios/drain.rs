//! One consumer drains a backlog of 100,000 events with fenced completions.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use eventpipeline_testkit::Program;

use crate::Scale;
use crate::http::{self, Connection};
use crate::limits::{Baselines, median};
use crate::process::{self, Cpu};
use crate::report::{Report, Target};
use crate::system::{System, fill_finished, fill_waiting};

const EVENTS: u32 = 100_000;
const FINISHED: u32 = 1_000_000;

pub(crate) async fn run(
    programs: &Path,
    scale: Scale,
    baselines: &mut Baselines,
    report: &mut Report,
) -> anyhow::Result<()> {
    let limits = baselines.get(report).await?.clone();
    let mut system = System::start(programs).await?;
    let events = scale.events(EVENTS);
    let mut notes = Vec::new();
    let own = median(scale.runs, async || {
        let (rate, note) = drain(&mut system, events).await?;
        notes.push(note);
        Ok(rate)
    })
    .await?;
    report.add("drain of 100,000 events", own, "events/s", Target::None, notes.join("; "));
    report.add(
        "  to single-row durable inserts",
        own / limits.base.single_rows,
        "",
        Target::AtLeast(3.0),
        "",
    );

    fill_finished(&mut system.sql, scale.events(FINISHED)).await?;
    let full = median(scale.runs, async || Ok(drain(&mut system, events).await?.0)).await?;
    report.add("drain with 1,000,000 finished events", full, "events/s", Target::None, "");
    report.add("  to its own rate", full / own, "", Target::AtLeast(0.7), "");

    let _forgotten = system.block_purge().await?;
    let blocked = Instant::now();
    let mut rates = Vec::new();
    while rates.is_empty() || blocked.elapsed() < scale.time(Duration::from_mins(1)) {
        rates.push(drain(&mut system, events).await?.0);
    }
    let slowest = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let note = format!("median of the last {} of {}; the slowest {slowest:.0}", scale.runs, rates.len());
    let mut last = rates.split_off(rates.len().saturating_sub(scale.runs)).into_iter();
    let last = median(last.len(), async || last.next().context("no rate")).await?;
    report.add("drain with purge blocked for a minute", last, "events/s", Target::None, note);
    report.add("  to its own rate", last / own, "", Target::AtLeast(0.7), "");
    Ok(())
}

/// Returns the events per second from the first to the last completion.
pub(super) async fn drain(system: &mut System, events: u32) -> anyhow::Result<(f64, String)> {
    let first = system.number("SELECT id FROM DBStatus").await?;
    fill_waiting(&mut system.sql, events).await?;
    let before = system.counters().await?;
    let server = Cpu::start(system.mysql.pid())?;
    let consumer = system.consumer().await;
    let own = Cpu::start(consumer.pid())?;
    completed(&consumer, events).await?;
    let cores = format!("cores busy: mysqld {:.2}, consumer {:.2}", server.cores()?, own.cores()?);
    let used = system.counters().await?.since(before);
    let memory = process::memory(consumer.pid())?;
    // The database's clock excludes the start of the process and the pauses of our polling. Events of the first commit are
    // not counted, because they were handled before that time.
    let (micros, counted): (i64, i64) = sqlx::query_as(
        "SELECT TIMESTAMPDIFF(MICROSECOND, MIN(done_at), MAX(done_at)), \
         CAST(SUM(done_at > (SELECT MIN(done_at) FROM Events WHERE id > ?)) AS SIGNED) FROM Events WHERE id > ?",
    )
    .bind(first)
    .bind(first)
    .fetch_one(&mut system.sql)
    .await?;
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = counted as f64 / (micros as f64 / 1e6);
    let events = f64::from(events);
    let note = format!(
        "{cores}, {:.2} statements and {:.3} fsyncs per event, {:.0} MiB",
        used.statements / events,
        used.fsyncs / events,
        memory.peak
    );
    Ok((rate, note))
}

/// Waits until the consumer has completed this many events.
async fn completed(consumer: &Program, events: u32) -> anyhow::Result<()> {
    completed_by(std::slice::from_ref(consumer), events).await
}

/// Waits until the consumers have completed this many events together, by their metrics: a query of the table would read all
/// entries that are not purged, and dominate the measurement.
pub(super) async fn completed_by(consumers: &[Program], events: u32) -> anyhow::Result<()> {
    let mut admins = Vec::new();
    for consumer in consumers {
        admins.push(Connection::open(consumer.address("the admin server listens").await).await?);
    }
    let request = http::request("GET", "/metrics");
    loop {
        let mut completed = 0.0;
        for admin in &mut admins {
            let answer = admin.ask(&request).await?;
            let metrics = std::str::from_utf8(answer.body)?;
            let line =
                metrics.lines().find_map(|line| line.strip_prefix("eventpipeline_events_completed_total "));
            completed += line.and_then(|count| count.parse::<f64>().ok()).unwrap_or_default();
        }
        if completed >= f64::from(events) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
