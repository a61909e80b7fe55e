//! `POST /create-sync` at a fixed rate: creation, claim and completion between the request and its response.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;

use crate::limits::Baselines;
use crate::load;
use crate::process;
use crate::report::{Report, Target};
use crate::scenarios::create_async::latencies;
use crate::system::System;
use crate::{Scale, http};

/// Maximum number of commits in the median.
const COMMITS: f64 = 4.0;
/// Maximum ratio of the p99 to the median.
const TAIL: f64 = 5.0;

pub(crate) async fn run(
    programs: &Path,
    scale: Scale,
    baselines: &mut Baselines,
    report: &mut Report,
) -> anyhow::Result<()> {
    let limits = baselines.get(report).await?.clone();
    let system = System::start(programs).await?;
    let producer = system.producer().await;
    let consumer = system.consumer().await;
    let request = || http::request("POST", "/create-sync");
    // The first responses include name resolution.
    load::open(producer.api, request(), 50, Duration::from_secs(2), 64, None).await?;
    for (rate, p99) in [(10, 25.0), (100, 15.0), (500, 25.0)] {
        let mut runs = Vec::new();
        for _ in 0..scale.runs {
            let time = scale.time(Duration::from_secs(10));
            let outcome = load::open(producer.api, request(), rate, time, 256, None).await?;
            ensure!(outcome.failed == 0, "{} were refused", outcome.failed);
            runs.push(outcome);
        }
        runs.sort_by(|one, other| one.quantile(0.99).total_cmp(&other.quantile(0.99)));
        let Some(median) = runs.get(runs.len() / 2) else { continue };
        let prefix = format!("create-sync at {rate}/s, ");
        latencies(&prefix, median, report, Target::None, Target::AtMost(p99));
        let tail = median.quantile(0.99) / median.quantile(0.5);
        report.add(format!("{prefix}p99 to p50"), tail, "", Target::AtMost(TAIL), "");
        // Ratios to isolated commits, like those of these requests, and to consecutive commits.
        let (paced, closed) =
            (median.quantile(0.5) / limits.paced_commit, median.quantile(0.5) / limits.commit);
        report.add(format!("{prefix}p50 in commits at 100/s"), paced, "", Target::AtMost(COMMITS), "");
        report.add(
            format!("{prefix}p50 in commits one after another"),
            closed,
            "",
            Target::AtMost(COMMITS),
            "",
        );
    }
    for (name, pid) in [("producer", producer.program.pid()), ("consumer", consumer.pid())] {
        let memory = process::memory(pid)?;
        report.add(
            format!("create-sync, {name}, resident at most"),
            memory.peak,
            "MiB",
            Target::AtMost(64.0),
            "",
        );
    }
    Ok(())
}
