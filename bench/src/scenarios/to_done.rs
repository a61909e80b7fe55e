//! `POST /create-async` at a fixed rate, and the time until an independent reader sees each event done.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use hdrhistogram::Histogram;
use sqlx::{AssertSqlSafe, Executor as _, MySqlConnection, Row as _};
use tokio::sync::mpsc;

use crate::load::{self, Created};
use crate::process;
use crate::report::{Report, Target};
use crate::system::System;
use crate::{Scale, http};

/// Maximum number of events per query of the reader.
const LOOK: usize = 2000;

pub(crate) async fn run(programs: &Path, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let system = System::start(programs).await?;
    let producer = system.producer().await;
    let consumer = system.consumer().await;
    let request = || http::request("POST", "/create-async");
    load::open(producer.api, request(), 50, Duration::from_secs(2), 64, None).await?;
    for (rate, p50, p99) in
        [(1000, Target::AtMost(5.0), Target::AtMost(25.0)), (5000, Target::None, Target::AtMost(60.0))]
    {
        let time = scale.time(Duration::from_secs(20));
        let (answered, answers) = mpsc::unbounded_channel();
        let reader = tokio::spawn(read(system.connect().await?, answers));
        let backlog = tokio::spawn(backlog(system.connect().await?, time));
        let outcome = load::open(producer.api, request(), rate, time, 256, Some(answered)).await?;
        ensure!(outcome.failed == 0, "{} were refused", outcome.failed);
        let backlog = backlog.await??;
        let times = reader.await??;
        ensure!(times.len() == outcome.succeeded, "{} of {} were seen done", times.len(), outcome.succeeded);
        #[expect(clippy::cast_precision_loss, reason = "a time")]
        let at = |quantile| times.value_at_quantile(quantile) as f64 / 1000.0;
        let name = format!("create-async to done at {rate}/s, ");
        let note = format!("offered {rate}, answered {:.0}/s", outcome.rate());
        report.add(format!("{name}p50"), at(0.5), "ms", p50, note);
        report.add(format!("{name}p99"), at(0.99), "ms", p99, format!("p99.9 {:.1}", at(0.999)));
        // Requests of the last moment are still in progress.
        let moment = f64::from(rate) * 0.1;
        let target = if rate == 5000 { Target::AtMost(moment) } else { Target::None };
        let seconds = time.as_secs();
        report.add(
            format!("{name}backlog after {seconds} s"),
            backlog,
            "events",
            target,
            "of a tenth of a second",
        );
    }
    for (name, pid) in [("producer", producer.program.pid()), ("consumer", consumer.pid())] {
        let peak = process::memory(pid)?.peak;
        report.add(
            format!("create-async to done, {name}, resident at most"),
            peak,
            "MiB",
            Target::AtMost(64.0),
            "",
        );
    }
    Ok(())
}

/// Returns the backlog after this time, while the last requests of the load are in flight.
#[expect(clippy::cast_precision_loss, reason = "a small number")]
async fn backlog(mut sql: MySqlConnection, after: Duration) -> anyhow::Result<f64> {
    tokio::time::sleep(after).await;
    let count = "SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state IN (0, 1)";
    Ok(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut sql).await? as f64)
}

/// Polls every millisecond for the created events until all of them are done. Returns the microseconds from the time at which
/// each request was due, including the response, the transfer of the id to the reader, and the reader's pause.
pub(super) async fn read(
    mut sql: MySqlConnection,
    mut answers: mpsc::UnboundedReceiver<Created>,
) -> anyhow::Result<Histogram<u64>> {
    let mut times = Histogram::new_with_bounds(1, 600_000_000, 3)?;
    let mut waiting = BTreeMap::new();
    loop {
        if waiting.is_empty() {
            let Some(Created { id, due }) = answers.recv().await else { return Ok(times) };
            waiting.insert(id, due);
        }
        while let Ok(Created { id, due }) = answers.try_recv() {
            waiting.insert(id, due);
        }
        let ids: Vec<String> = waiting.keys().take(LOOK).map(i64::to_string).collect();
        let query = format!("SELECT id FROM Events WHERE id IN ({}) AND state = 2", ids.join(","));
        for row in sql.fetch_all(sqlx::raw_sql(AssertSqlSafe(query))).await? {
            if let Some(due) = waiting.remove(&row.try_get::<i64, _>("id")?) {
                times.saturating_record(u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX));
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
