//! Inserts of single jobs, each in a transaction of its own.

use std::time::{Duration, Instant};

use apalis::prelude::TaskSink as _;
use apalis_codec::json::JsonCodec;
use apalis_mysql::fetcher::MySqlFetcher;
use apalis_mysql::{CompactType, Config, MySqlPool, MySqlStorage};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::{INSERTERS, Job};

pub(crate) type Storage = MySqlStorage<Job, JsonCodec<CompactType>, MySqlFetcher>;

/// Returns a storage with these settings.
pub(crate) fn storage(pool: &MySqlPool, config: &Config) -> Storage {
    MySqlStorage::new_with_config(pool, config)
}

/// Inserts jobs from 64 tasks until `end`, and returns the time of each insert.
pub(crate) async fn until(storage: &Storage, end: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut inserting = JoinSet::new();
    for _ in 0..INSERTERS {
        let mut storage = storage.clone();
        inserting.spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < end {
                let begun = Instant::now();
                storage.push(Job { number: 0 }).await?;
                times.push(begun.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let mut all = Vec::new();
    while let Some(times) = inserting.join_next().await {
        all.extend(times??);
    }
    Ok(all)
}

/// Inserts jobs at a fixed rate from 64 tasks, and returns the time at which the first one was due.
pub(crate) async fn at_rate(storage: &Storage, rate: u32, jobs: u32) -> anyhow::Result<Instant> {
    let (due, dues) = watch::channel(0);
    let mut inserting = JoinSet::new();
    for inserter in 0..INSERTERS {
        let (mut storage, mut dues) = (storage.clone(), dues.clone());
        inserting.spawn(async move {
            // Each task has every 64th job.
            for number in (inserter..jobs).step_by(INSERTERS as usize) {
                dues.wait_for(|due| *due > number).await?;
                storage.push(Job { number }).await?;
            }
            anyhow::Ok(())
        });
    }
    let begun = Instant::now();
    // A thread, because the runtime's timers have a resolution of one millisecond.
    std::thread::spawn(move || {
        for number in 0..jobs {
            let next = begun + Duration::from_secs(1) * number / rate;
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            due.send_replace(number + 1);
        }
        // The channel closes after the last task has seen the last number.
        while due.receiver_count() > 1 {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    while let Some(inserted) = inserting.join_next().await {
        inserted??;
    }
    Ok(begun)
}
