//! `POST /create-async` at a fixed rate, and when each event had its value.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;

use crate::process;
use crate::report::{Report, Target};
use crate::system::System;
use crate::{Scale, http, load};

pub(crate) async fn run(programs: &Path, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let mut system = System::start(programs).await?;
    let producer = system.producer().await;
    let consumer = system.consumer().await;
    let request = || http::request("POST", "/create-async");
    load::open(producer.api, request(), 50, Duration::from_secs(2), 64).await?;
    for rate in [1000, 5000] {
        let first = system.number("SELECT id FROM DBStatus").await?;
        let time = scale.time(Duration::from_secs(20));
        let outcome = load::open(producer.api, request(), rate, time, 256).await?;
        let backlog = system.backlog().await?;
        ensure!(outcome.failed == 0, "{} were refused", outcome.failed);
        system.drained().await?;
        let [p50, p99] = quantiles(&mut system, first).await?;
        let name = format!("create-async to done at {rate}/s, ");
        // The targets hold for the smaller rate; at the greater one, that nothing is left over.
        let (middle, most) = match rate {
            1000 => (Target::AtMost(5.0), Target::AtMost(25.0)),
            _ => (Target::None, Target::None),
        };
        report.add(
            format!("{name}p50"),
            p50,
            "ms",
            middle,
            format!("offered {rate}, answered {:.0}/s", outcome.rate()),
        );
        report.add(format!("{name}p99"), p99, "ms", most, "");
        // What came in during the last moment is being worked on.
        let moment = f64::from(rate) * 0.1;
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let backlog = backlog as f64;
        let target = if rate == 5000 { Target::AtMost(moment) } else { Target::None };
        report.add(format!("{name}backlog at the end"), backlog, "events", target, "of a tenth of a second");
    }
    for (name, pid) in [("producer", producer.program.pid()), ("consumer", consumer.pid())] {
        let memory = process::memory(pid)?;
        report.add(format!("  {name}, resident at most"), memory.peak, "MiB", Target::AtMost(64.0), "");
    }
    Ok(())
}

/// Median and 99th percentile from creation to value in milliseconds, by the database's clock.
#[expect(clippy::cast_precision_loss, reason = "a time")]
async fn quantiles(system: &mut System, first: i64) -> anyhow::Result<[f64; 2]> {
    let mut times: Vec<i64> =
        sqlx::query_scalar("SELECT TIMESTAMPDIFF(MICROSECOND, created_at, done_at) FROM Events WHERE id > ?")
            .bind(first)
            .fetch_all(&mut system.sql)
            .await?;
    times.sort_unstable();
    let at =
        |permille: usize| times.get(times.len() * permille / 1000).map_or(0.0, |time| *time as f64 / 1000.0);
    Ok([at(500), at(990)])
}
