//! The epoch of a process's connections: what one session learns about its server applies to all sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The current epoch. A connection is valid only in the epoch in which it was opened. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Epoch(Arc<AtomicU64>);

impl Epoch {
    /// Returns the current epoch.
    pub(super) fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Ends `epoch` unless it has already ended. Connections of that epoch are replaced at their next use.
    pub(super) fn end(&self, epoch: u64) {
        let _ = self.0.compare_exchange(epoch, epoch + 1, Ordering::AcqRel, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_sessions_that_notice_the_same_failure_end_one_epoch() {
        let epoch = Epoch::default();
        let before = epoch.now();
        epoch.end(before);
        epoch.end(before);
        assert_eq!(epoch.now(), before + 1);
    }
}
