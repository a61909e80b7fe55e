//! Decides whether the database's volume has enough space for more events.
//!
//! The inputs are the free space of the volume, the space that removed events have left in the tablespace, and the number
//! of unfinished events. [`guard`] decides whether events may be created, and [`trend`] estimates for how long. While the
//! free space is unknown, as with an external database, nothing is refused.

mod guard;
mod metrics;
mod page;
mod trend;
mod volume;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tracing::{info, warn};

use guard::Guard;
pub(crate) use guard::Space;
pub(crate) use metrics::StorageMetrics;
pub(crate) use page::StoragePage;
use trend::Trend;
pub(crate) use volume::Volume;

/// The state of the storage. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    state: Arc<Mutex<State>>,
    metrics: StorageMetrics,
}

#[derive(Debug, Default)]
struct State {
    volume: Option<(Instant, Volume)>,
    reusable: u64,
    unfinished: u64,
    guard: Guard,
    trend: Trend,
}

/// The storage has no space for more events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full {
    /// Available and required space, if known.
    pub(crate) space: Option<Space>,
}

impl Storage {
    pub(crate) fn new(metrics: StorageMetrics) -> Self {
        Self { state: Arc::default(), metrics }
    }

    /// Returns an error if events may not be created now.
    pub(crate) fn admit(&self) -> Result<(), Full> {
        match self.lock().refused() {
            Some(space) => Err(Full { space: Some(space) }),
            None => Ok(()),
        }
    }

    /// Returns the page of the admin port.
    pub(crate) fn page(&self) -> StoragePage {
        let state = self.lock();
        let space = state.space();
        let seconds_to_full = space.and_then(|_| state.trend.seconds_to_full());
        StoragePage::new(space, state.refused().is_some(), seconds_to_full)
    }

    /// Sets the size and the free space of the volume.
    pub(crate) fn set_volume(&self, volume: Volume) {
        let mut state = self.lock();
        state.volume = Some((Instant::now(), volume));
        self.decide(&mut state);
    }

    /// Decides again after the volume could not be read. The last reading remains valid for [`Volume::MAX_AGE`].
    pub(crate) fn volume_unknown(&self) {
        self.decide(&mut self.lock());
    }

    /// Sets the space that removed events have left in the tablespace, in bytes.
    pub(crate) fn set_reusable(&self, bytes: u64) {
        let mut state = self.lock();
        state.reusable = bytes;
        self.decide(&mut state);
    }

    /// Sets the number of events that still need space for their completion.
    pub(crate) fn set_unfinished(&self, events: i64) {
        self.lock().unfinished = u64::try_from(events).unwrap_or_default();
    }

    fn decide(&self, state: &mut State) {
        let space = state.space();
        let refused = state.guard.refuses();
        state.guard.update(space);
        if let Some(space) = space {
            state.trend.add(Instant::now(), space);
        }
        self.metrics.set(space, state.guard.refuses());
        match (refused, state.guard.refuses(), space) {
            (false, true, Some(Space { free, reusable, required, .. })) => warn!(
                free,
                reusable,
                required,
                "the database's volume is nearly full: no events are created until {required} bytes are free"
            ),
            (true, false, _) => info!("events are created again"),
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the space if it is known and too small.
    fn refused(&self) -> Option<Space> {
        self.space().filter(|_| self.guard.refuses())
    }

    fn space(&self) -> Option<Space> {
        let (at, volume) = self.volume?;
        (at.elapsed() <= Volume::MAX_AGE).then(|| Space::new(volume, self.reusable, self.unfinished))
    }
}
