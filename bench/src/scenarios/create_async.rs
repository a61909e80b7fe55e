//! `POST /create-async` from 64 and more connections as fast as responses arrive, without a consumer.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::limits::{Baselines, Parallel};
use crate::load::{self, Outcome};
use crate::process::{self, Cpu};
use crate::report::{Report, Target};
use crate::system::{Producer, System};
use crate::{Scale, http};

pub(crate) async fn run(
    programs: &Path,
    scale: Scale,
    baselines: &mut Baselines,
    report: &mut Report,
) -> anyhow::Result<()> {
    let limits = baselines.get(report).await?.clone();
    let mut system = System::start(programs).await?;
    let producer = system.producer().await;
    let targets =
        Targets { handler: Target::AtLeast(0.3), rows: Target::AtLeast(3.0), p99: Target::AtMost(20.0) };
    compare(&mut system, &producer, scale, [limits.base; 2], targets, report).await?;
    // 64 clients that wait for commits form two alternating batches; more clients form larger ones.
    for own in limits.more {
        compare(&mut system, &producer, scale, [own, limits.base], Targets::default(), report).await?;
    }
    let memory = process::memory(producer.program.pid())?;
    report.add("create-async, producer, resident at most", memory.peak, "MiB", Target::AtMost(64.0), "");
    Ok(())
}

/// The targets of a load.
#[derive(Debug, Default)]
struct Targets {
    handler: Target,
    rows: Target,
    p99: Target,
}

/// Measures the load from this many connections, relative to the limits for the same number and for 64.
async fn compare(
    system: &mut System,
    producer: &Producer,
    scale: Scale,
    [own, base]: [Parallel; 2],
    targets: Targets,
    report: &mut Report,
) -> anyhow::Result<()> {
    let before = system.counters().await?;
    let [server, service] = [Cpu::start(system.mysql.pid())?, Cpu::start(producer.program.pid())?];
    let (median, ids) = loads(producer, own.connections, scale).await?;
    let note = format!("cores busy: mysqld {:.2}, producer {:.2}", server.cores()?, service.cores()?);
    let used = system.counters().await?.since(before);
    are_stored(system, &ids).await?;

    let name = format!("create-async, {} connections", own.connections);
    let rate = median.rate();
    report.add(name.as_str(), rate, "events/s", Target::None, note);
    report.add(format!("{name}, to the empty handler"), rate / own.empty_handler, "", targets.handler, "");
    report.add(format!("{name}, to durable inserts of 1 row"), rate / own.single_rows, "", targets.rows, "");
    if own.connections != base.connections {
        let with = format!("with {} connections", base.connections);
        let handler = rate / base.empty_handler;
        report.add(format!("{name}, to the empty handler {with}"), handler, "", Target::None, "");
        let rows = rate / base.single_rows;
        report.add(format!("{name}, to durable inserts of 1 row {with}"), rows, "", Target::None, "");
    }
    latencies(&format!("{name}, "), &median, report, Target::None, targets.p99);
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    let events = ids.len() as f64;
    report.add(format!("{name}, statements per event"), used.statements / events, "", Target::None, "");
    report.add(format!("{name}, InnoDB fsyncs per event"), used.fsyncs / events, "", Target::None, "");
    Ok(())
}

/// Returns the median load, and the ids in the responses to all of them.
async fn loads(producer: &Producer, connections: usize, scale: Scale) -> anyhow::Result<(Outcome, Vec<i64>)> {
    let (mut runs, mut ids) = (Vec::new(), Vec::new());
    for _ in 0..scale.runs {
        let (request, time) = (http::request("POST", "/create-async"), scale.time(Duration::from_secs(4)));
        let outcome = load::closed(&[producer.api], request, connections, time).await?;
        ensure!(outcome.failed == 0, "{} of {} were refused", outcome.failed, outcome.succeeded);
        ids.extend(&outcome.ids);
        runs.push(outcome);
    }
    runs.sort_by(|one, other| one.rate().total_cmp(&other.rate()));
    runs.truncate(runs.len() / 2 + 1);
    Ok((runs.pop().context("nothing was measured")?, ids))
}

/// Checks that every response named a different stored row.
async fn are_stored(system: &mut System, ids: &[i64]) -> anyhow::Result<()> {
    let answered: BTreeSet<i64> = ids.iter().copied().collect();
    ensure!(answered.len() == ids.len(), "{} answers, {} distinct ids", ids.len(), answered.len());
    let stored: Vec<i64> = sqlx::query_scalar("SELECT id FROM Events").fetch_all(&mut system.sql).await?;
    let stored: BTreeSet<i64> = stored.into_iter().collect();
    let lost = answered.difference(&stored).count();
    ensure!(lost == 0, "{lost} answered ids are not stored");
    Ok(())
}

/// Reports four quantiles.
pub(crate) fn latencies(prefix: &str, outcome: &Outcome, report: &mut Report, p50: Target, p99: Target) {
    let note = format!("p95 {:.2}, p99.9 {:.2}", outcome.quantile(0.95), outcome.quantile(0.999));
    report.add(format!("{prefix}p50"), outcome.quantile(0.5), "ms", p50, "");
    report.add(format!("{prefix}p99"), outcome.quantile(0.99), "ms", p99, note);
}
