//! The task that removes what is finished for longer than it is to be kept, and tells how much room that has left.
//!
//! Each producer runs one, so that events go while no consumer runs; one of them would do. What one of them has locked the
//! others skip.

use std::time::{Duration, Instant};

use eventpipeline_database::{LARGEST_REMOVAL, Session};
use eventpipeline_service::error_chain;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::metrics::Metrics;
use crate::retention::Rule;
use crate::storage::Storage;

/// How often it is looked for what is too old to be kept: after half of the time that it is kept, within these bounds.
const REMOVAL_PERIODS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];
/// A removal is followed by a pause that is so many times as long: four fifths of the time belong to others.
const RESTS: u32 = 4;
/// How often the room is read.
const ROOM_PERIOD: Duration = Duration::from_secs(5);

/// Removes.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) session: Session,
    pub(crate) rules: Vec<Rule>,
    /// Who wants to know what is left, where there is somebody.
    pub(crate) storage: Option<Storage>,
    pub(crate) metrics: Metrics,
}

impl Keeper {
    /// Removes now and then, and reads the room in between, until `end`.
    pub(crate) async fn run(mut self, end: CancellationToken) -> anyhow::Result<()> {
        let mut removal = self.period().map(|period| after(period / 10));
        let mut room = self.storage.as_ref().map(|_| Instant::now());
        loop {
            let next = removal.into_iter().chain(room).min();
            tokio::select! {
                () = end.cancelled() => break,
                () = until(next) => {}
            }
            if let Some(due) = room
                && due <= Instant::now()
            {
                self.read_room().await;
                room = Some(after(ROOM_PERIOD));
            } else {
                removal = Some(after(self.remove().await));
            }
        }
        self.session.close().await;
        Ok(())
    }

    /// How often it is looked for what is too old; `None` where nothing ever is.
    fn period(&self) -> Option<Duration> {
        let [shortest, longest] = REMOVAL_PERIODS;
        let kept = self.rules.iter().map(|rule| rule.kept).min()?;
        Some((kept / 2).clamp(shortest, longest))
    }

    /// One step for each rule. Gives the pause until the next ones.
    async fn remove(&mut self) -> Duration {
        let begun = Instant::now();
        let period = self.period().unwrap_or(REMOVAL_PERIODS[1]);
        let mut more = false;
        for Rule { finished, kept, mark } in &mut self.rules {
            match self.session.remove(mark, *finished, *kept, LARGEST_REMOVAL).await {
                Ok(removal) => {
                    self.metrics.removed(*finished, removal.events);
                    more |= removal.more;
                }
                // The other rules go on.
                Err(failure) => {
                    warn!(error = error_chain(&failure), "failed to remove old events that are {finished}");
                }
            }
        }
        if more { begun.elapsed() * RESTS } else { period }
    }

    async fn read_room(&mut self) {
        let Some(storage) = &self.storage else { return };
        match self.session.reusable_bytes().await {
            Ok(bytes) => storage.reusable(bytes),
            Err(failure) => {
                warn!(error = error_chain(&failure), "failed to read what removed events have left")
            }
        }
    }
}

async fn until(next: Option<Instant>) {
    match next {
        Some(next) => tokio::time::sleep_until(next.into()).await,
        None => std::future::pending().await,
    }
}

/// So long from now, a little more or less, so that producers that were started together do not go on together.
fn after(pause: Duration) -> Instant {
    Instant::now() + pause.mul_f64(0.75 + rand::random::<f64>() / 2.0)
}
