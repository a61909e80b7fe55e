//! One epoch a process: what one session learns of its server is true of all others'.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which sessions may go on as they are: those that connected in the current epoch. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Epoch(Arc<AtomicU64>);

impl Epoch {
    /// The current one.
    pub(super) fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Ends `epoch`, unless it has ended: who connected in it connects again at the next use.
    pub(super) fn end(&self, epoch: u64) {
        let _ = self.0.compare_exchange(epoch, epoch + 1, Ordering::AcqRel, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_who_notice_the_same_end_one_epoch() {
        let epoch = Epoch::default();
        let before = epoch.now();
        epoch.end(before);
        epoch.end(before);
        assert_eq!(epoch.now(), before + 1);
    }
}
