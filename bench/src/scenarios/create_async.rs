//! `POST /create-async` as fast as 64 clients get their answers; no consumer runs.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::ensure;

use crate::limits::{CONNECTIONS, Limits};
use crate::load::{self, Outcome};
use crate::process::{self, Cpu};
use crate::report::{Report, Target};
use crate::system::System;
use crate::{Scale, http};

/// Clients beyond those of the comparison.
const MANY: usize = 512;

pub(crate) async fn run(
    programs: &Path,
    scale: Scale,
    limits: &Limits,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut system = System::start(programs).await?;
    let producer = system.producer().await;
    let time = scale.time(Duration::from_secs(10));
    let (mut runs, mut all) = (Vec::new(), Vec::new());
    let before = system.counters().await?;
    let [server, service] = [Cpu::start(system.mysql.pid())?, Cpu::start(producer.program.pid())?];
    for _ in 0..scale.runs {
        let outcome =
            load::closed(producer.api, http::request("POST", "/create-async"), CONNECTIONS, time).await?;
        ensure!(outcome.failed == 0, "{} of {} were refused", outcome.failed, outcome.succeeded);
        all.extend(&outcome.ids);
        runs.push(outcome);
    }
    let note = format!("cores busy: mysqld {:.2}, producer {:.2}", server.cores()?, service.cores()?);
    let used = system.counters().await?.since(before);
    are_stored(&mut system, &all).await?;

    runs.sort_by(|one, other| one.rate().total_cmp(&other.rate()));
    let Some(median) = runs.get(runs.len() / 2) else { return Ok(()) };
    let rate = median.rate();
    report.add("create-async, 64 connections", rate, "events/s", Target::None, note);
    report.add("  to the empty handler", rate / limits.empty_handler, "", Target::AtLeast(0.3), "");
    report.add("  to single-row durable inserts", rate / limits.single_rows, "", Target::AtLeast(3.0), "");
    latencies("  ", median, report, Target::None, Target::AtMost(20.0));
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    let events = all.len() as f64;
    report.add("  statements an event", used.statements / events, "", Target::None, "");
    report.add("  fsyncs of InnoDB an event", used.fsyncs / events, "", Target::None, "");
    // 64 clients that each wait for a commit are served in two batches that take turns; more clients make larger ones.
    let many = load::closed(producer.api, http::request("POST", "/create-async"), MANY, time).await?;
    report.add(format!("create-async, {MANY} connections"), many.rate(), "events/s", Target::None, "");
    latencies("  ", &many, report, Target::None, Target::None);
    let memory = process::memory(producer.program.pid())?;
    report.add("  producer, resident at most", memory.peak, "MiB", Target::AtMost(64.0), "");
    Ok(())
}

/// Every answer named a stored row, and no two the same.
async fn are_stored(system: &mut System, ids: &[i64]) -> anyhow::Result<()> {
    let answered: BTreeSet<i64> = ids.iter().copied().collect();
    ensure!(answered.len() == ids.len(), "{} answers, {} distinct ids", ids.len(), answered.len());
    let stored: Vec<i64> = sqlx::query_scalar("SELECT id FROM Events").fetch_all(&mut system.sql).await?;
    let stored: BTreeSet<i64> = stored.into_iter().collect();
    let lost = answered.difference(&stored).count();
    ensure!(lost == 0, "{lost} answered ids are not stored");
    Ok(())
}

/// Four quantiles.
pub(crate) fn latencies(prefix: &str, outcome: &Outcome, report: &mut Report, p50: Target, p99: Target) {
    let note = format!("p95 {:.2}, p99.9 {:.2}", outcome.quantile(0.95), outcome.quantile(0.999));
    report.add(format!("{prefix}p50"), outcome.quantile(0.5), "ms", p50, "");
    report.add(format!("{prefix}p99"), outcome.quantile(0.99), "ms", p99, note);
}
