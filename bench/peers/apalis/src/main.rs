//! `peer-apalis`: measures apalis on the MySQL server of `DATABASE_URL`, and prints one line of JSON.
//!
//! ```text
//! peer-apalis insert     inserts single jobs from 64 tasks for SECONDS
//! peer-apalis drain      processes JOBS jobs that were inserted before
//! peer-apalis latency    inserts RATE jobs per second for SECONDS, and processes them
//! ```

mod completions;
mod inserts;
mod measure;

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use apalis_mysql::{MySqlPool, MySqlStorage, PoolOptions};
use serde::{Deserialize, Serialize};

/// Number of tasks that insert.
const INSERTERS: u32 = 64;

/// The arguments of a job: its position in the load.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Job {
    number: u32,
}

/// A measurement. Rates are per second, times in milliseconds.
#[derive(Debug, Default, Serialize)]
struct Measured {
    measurement: &'static str,
    jobs: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_ms: Option<f64>,
}

impl Measured {
    fn quantiles(measurement: &'static str, mut times: Vec<Duration>) -> anyhow::Result<Self> {
        times.sort();
        let at = |percent: usize| {
            let time = times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
            time.map(|time| time.as_secs_f64() * 1000.0).context("no job was measured")
        };
        let (p50_ms, p99_ms) = (Some(at(50)?), Some(at(99)?));
        Ok(Self { measurement, jobs: times.len(), p50_ms, p99_ms, ..Self::default() })
    }
}

fn variable<T: FromStr>(name: &str) -> anyhow::Result<T> {
    let text = std::env::var(name).with_context(|| format!("{name} is not set"))?;
    text.parse().ok().with_context(|| format!("{name} is not a number: {text}"))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::var("DATABASE_URL").context("DATABASE_URL is not set")?;
    // The default of ten connections is less than the 64 tasks that insert.
    let pool: MySqlPool = PoolOptions::new().max_connections(2 * INSERTERS).connect(&url).await?;
    MySqlStorage::setup(&pool).await?;
    let measured = match std::env::args().nth(1).as_deref() {
        Some("insert") => measure::insert(&pool).await?,
        Some("drain") => measure::drain(&pool).await?,
        Some("latency") => measure::latency(&pool).await?,
        _ => bail!("usage: peer-apalis insert|drain|latency"),
    };
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}
