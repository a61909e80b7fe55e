//! The measurements.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use apalis::layers::WorkerBuilderExt as _;
use apalis::prelude::{IntervalStrategy, StrategyBuilder, TaskSink as _, WorkerBuilder};
use apalis_mysql::{Config, MySqlPool};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::completions::{Completed, Reports};
use crate::inserts::{self, Storage};
use crate::{Job, Measured, variable};

/// Number of jobs that run at the same time, and that one query fetches. The default is ten per query.
const CONCURRENT: usize = 100;
/// Pause after a query that finds no job. The default is 100 ms, and longer after each further such query.
const POLL: Duration = Duration::from_millis(10);

fn config() -> Config {
    let poll = StrategyBuilder::new().apply(IntervalStrategy::new(POLL)).build();
    Config::new("peer").set_buffer_size(CONCURRENT).with_poll_interval(poll)
}

/// Starts a worker that ends with this process, and returns its completions.
fn start_worker(storage: Storage) -> UnboundedReceiver<Completed> {
    let (reports, completions) = unbounded_channel();
    tokio::spawn(async move {
        let worker = WorkerBuilder::new("peer-worker")
            .backend(storage)
            .concurrency(CONCURRENT)
            .layer(Reports(reports))
            .build(async |_: Job| {});
        // Its completions end, too: the measurement fails.
        if let Err(error) = worker.run().await {
            eprintln!("the worker has ended: {error}");
        }
    });
    completions
}

async fn next(completions: &mut UnboundedReceiver<Completed>) -> anyhow::Result<Completed> {
    completions.recv().await.context("the worker has ended")
}

/// Measures inserts of single jobs.
pub(crate) async fn insert(pool: &MySqlPool) -> anyhow::Result<Measured> {
    let (seconds, storage) = (variable("SECONDS")?, inserts::storage(pool, &config()));
    // The first jobs open the connections.
    inserts::until(&storage, Instant::now() + Duration::from_secs(1)).await?;
    let begun = Instant::now();
    let times = inserts::until(&storage, begun + Duration::from_secs(seconds)).await?;
    let rate = times.len() as f64 / begun.elapsed().as_secs_f64();
    Ok(Measured { jobs_per_second: Some(rate), ..Measured::quantiles("insert", times)? })
}

/// Measures the completions per second between those of the first and the last tenth.
pub(crate) async fn drain(pool: &MySqlPool) -> anyhow::Result<Measured> {
    let (jobs, mut storage) = (variable("JOBS")?, inserts::storage(pool, &config()));
    let numbers: Vec<u32> = (0..jobs).collect();
    for batch in numbers.chunks(1000) {
        storage.push_bulk(batch.iter().map(|number| Job { number: *number }).collect()).await?;
    }
    let mut completions = start_worker(storage);
    let mut times = Vec::new();
    for _ in 0..jobs {
        times.push(next(&mut completions).await?.at);
    }
    times.sort();
    let tenth = times.len() / 10;
    let (first, last) = (times.get(tenth), times.get(times.len() - tenth - 1));
    let (first, last) = first.zip(last).context("no job was measured")?;
    let rate = (times.len() - 2 * tenth) as f64 / last.duration_since(*first).as_secs_f64();
    Ok(Measured {
        measurement: "drain",
        jobs: times.len(),
        jobs_per_second: Some(rate),
        ..Measured::default()
    })
}

/// Measures the time from when an insert was due until its job's completion is stored.
pub(crate) async fn latency(pool: &MySqlPool) -> anyhow::Result<Measured> {
    let (seconds, rate): (u32, u32) = (variable("SECONDS")?, variable("RATE")?);
    let storage = inserts::storage(pool, &config());
    let mut completions = start_worker(storage.clone());
    // The first jobs open the connections.
    load(&storage, &mut completions, 50, 100).await?;
    let times = load(&storage, &mut completions, rate, rate * seconds).await?;
    Measured::quantiles("latency", times)
}

/// Inserts jobs at a fixed rate, and returns the times until their completions.
async fn load(
    storage: &Storage,
    completions: &mut UnboundedReceiver<Completed>,
    rate: u32,
    jobs: u32,
) -> anyhow::Result<Vec<Duration>> {
    let begun = inserts::at_rate(storage, rate, jobs).await?;
    let mut times = Vec::new();
    for _ in 0..jobs {
        let Completed { number, at } = next(completions).await?;
        times.push(at.saturating_duration_since(begun + Duration::from_secs(1) * number / rate));
    }
    Ok(times)
}
