//! Numbers of events by state, lane and type.

mod read;

use std::time::{Duration, Instant};

use crate::error::Error;
use crate::session::Session;
use read::{Done, ReadStats, ReadTypes};

/// Statistics of the queue at one moment. `created` is the sum of all other numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Events ever created.
    pub created: i64,
    /// Events that may be claimed now.
    pub pending: i64,
    /// Events that may be claimed later.
    pub scheduled: i64,
    /// Events that wait for earlier events of their keys.
    pub blocked: i64,
    /// Claimed events.
    pub processing: i64,
    /// Completed events.
    pub done: i64,
    /// Events that were given up.
    pub dead: i64,
    /// Cancelled events.
    pub cancelled: i64,
    /// Finished events that were removed.
    pub removed: i64,
    /// Age of the oldest pending event: the time for which it could have been claimed, since its creation, its `not_before`, the
    /// end of its pause or its release.
    pub oldest_pending: Option<Duration>,
    /// The lanes, the default one first.
    pub lanes: Vec<LaneStats>,
    /// The types of the first [`Stats::SAMPLE`] pending events of each lane, the default lane first.
    pub types: Vec<TypeStats>,
}

impl Stats {
    /// Number of pending events per lane whose types are read.
    pub const SAMPLE: usize = 1000;
}

/// Statistics of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneStats {
    /// Name of the lane; `None` for the default lane.
    pub lane: Option<String>,
    /// Events that may be claimed now.
    pub pending: i64,
    /// Events that may be claimed later.
    pub scheduled: i64,
    /// Age of the oldest pending event.
    pub oldest_pending: Option<Duration>,
}

/// Statistics of a type in a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeStats {
    /// The type, as stored; `None` for events without one.
    pub event_type: Option<String>,
    /// Name of the lane; `None` for the default lane.
    pub lane: Option<String>,
    /// Pending events of the type among the first ones of its lane.
    pub pending: i64,
    /// Age of the oldest one.
    pub oldest_pending: Duration,
}

/// Pause after a count that took too long. Such a count reads for seconds, and prevents the purge of old row versions.
const COUNT_PAUSE: Duration = Duration::from_hours(1);

impl Session {
    /// Returns the statistics of this moment. Reads the index entry of each event, which takes a tenth of a second for a
    /// million. If it exceeds the time limit of an operation, this method returns [`Session::queue_stats`] for the next hour.
    pub async fn stats(&mut self) -> Result<Stats, Error> {
        if self.count_again.is_some_and(|again| Instant::now() < again) {
            return self.queue_stats().await;
        }
        match self.read_stats(Done::Counted).await {
            Err(failure) if failure.is_time_limit() => {
                self.count_again = Some(Instant::now() + COUNT_PAUSE);
                self.queue_stats().await
            }
            counted => counted,
        }
    }

    /// Returns the same statistics without counting completed events, which are the remainder of all created ones. Its cost depends
    /// only on the number of unfinished events, so it is suited for frequent calls.
    pub async fn queue_stats(&mut self) -> Result<Stats, Error> {
        self.read_stats(Done::Remainder).await
    }

    async fn read_stats(&mut self, done: Done) -> Result<Stats, Error> {
        let (mut stats, lanes) = self.run(&ReadStats { done }).await?;
        if !lanes.is_empty() {
            stats.types.extend(self.run(&ReadTypes { lanes: &lanes }).await?);
            for lane in &mut stats.lanes {
                let types = stats.types.iter().filter(|of| of.lane == lane.lane);
                lane.oldest_pending = types.map(|of| of.oldest_pending).max();
            }
        }
        stats.oldest_pending = stats.types.iter().map(|of| of.oldest_pending).max();
        Ok(stats)
    }
}
