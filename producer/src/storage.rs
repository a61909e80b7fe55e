//! Whether the database's volume has room for further events.
//!
//! The agent beside the database tells how full its volume is ([`agent`]), and the producer's own session what removed
//! events have left in the tablespace. From both follows whether events may still be created ([`guard`]) and for how long
//! ([`trend`]). Where nobody tells, as of an external database, nothing is refused.

pub(crate) mod agent;
mod guard;
mod page;
mod trend;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tracing::{info, warn};

pub(crate) use agent::Agent;
pub(crate) use guard::Room;
pub(crate) use page::StoragePage;

use crate::metrics::StorageMetrics;
use agent::Volume;
use guard::Guard;
use trend::Trend;

/// What is known of the storage. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    known: Arc<Mutex<Known>>,
    metrics: StorageMetrics,
}

#[derive(Debug, Default)]
struct Known {
    volume: Option<(Instant, Volume)>,
    reusable: u64,
    unfinished: u64,
    guard: Guard,
    trend: Trend,
}

/// There is no room for further events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full {
    /// What there is and what there has to be, where it is known.
    pub(crate) room: Option<Room>,
}

impl Storage {
    pub(crate) fn new(metrics: StorageMetrics) -> Self {
        Self { known: Arc::default(), metrics }
    }

    /// Whether events may be created.
    pub(crate) fn admit(&self) -> Result<(), Full> {
        match self.lock().refused() {
            Some(room) => Err(Full { room: Some(room) }),
            None => Ok(()),
        }
    }

    /// What the internal port tells.
    pub(crate) fn page(&self) -> StoragePage {
        let known = self.lock();
        let room = known.room();
        let seconds_to_full = room.and_then(|_| known.trend.seconds_to_full());
        StoragePage::new(room, known.refused().is_some(), seconds_to_full)
    }

    /// The agent has told how full the volume is.
    fn told(&self, volume: Volume) {
        let mut known = self.lock();
        known.volume = Some((Instant::now(), volume));
        self.decide(&mut known);
    }

    /// Nobody has told it. What was told before is worth something for a while.
    fn untold(&self) {
        self.decide(&mut self.lock());
    }

    /// What removed events have left.
    pub(crate) fn reusable(&self, bytes: u64) {
        let mut known = self.lock();
        known.reusable = bytes;
        self.decide(&mut known);
    }

    /// How many events are yet to be completed, for which room has to be left.
    pub(crate) fn unfinished(&self, events: i64) {
        self.lock().unfinished = u64::try_from(events).unwrap_or_default();
    }

    fn decide(&self, known: &mut Known) {
        let room = known.room();
        let refused = known.guard.refuses();
        known.guard.look(room);
        if let Some(room) = room {
            known.trend.add(Instant::now(), room);
        }
        self.metrics.show(room, known.guard.refuses());
        match (refused, known.guard.refuses(), room) {
            (false, true, Some(Room { free, reusable, required, .. })) => warn!(
                free,
                reusable,
                required,
                "the database's volume is nearly full: events are not created until {required} bytes are free"
            ),
            (true, false, _) => info!("events are created again"),
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// The room, where it is known and too little.
    fn refused(&self) -> Option<Room> {
        self.room().filter(|_| self.guard.refuses())
    }

    fn room(&self) -> Option<Room> {
        let (at, volume) = self.volume?;
        (at.elapsed() <= agent::OLDEST).then(|| Room::new(volume, self.reusable, self.unfinished))
    }
}
