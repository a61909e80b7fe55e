//! Memory budgets: one for all request bodies, and one for all responses.
//!
//! Bodies wait in mailboxes while the database is slow or down, and responses wait for slow clients. Limits per request and
//! on the number of requests would add up to more memory than a pod has.

use std::sync::Arc;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::error::Unavailable;

/// Size of a budget. It holds the payloads of eight transactions, or eight pages of large events.
const BYTES: usize = 32 * 1024 * 1024;

/// The memory that is left. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct MemoryBudget {
    bytes: Arc<Semaphore>,
    /// Notified when a request is refused.
    exhausted: Arc<Notify>,
}

/// The memory of one request or response. Dropping it returns the memory to the budget.
#[derive(Debug, Default)]
pub(crate) struct MemoryPermit(Option<OwnedSemaphorePermit>);

impl Default for MemoryBudget {
    fn default() -> Self {
        Self { bytes: Arc::new(Semaphore::new(BYTES)), exhausted: Arc::default() }
    }
}

impl MemoryBudget {
    /// Adds memory to a permit, or refuses at once. A request that waited would keep the memory that it already has.
    pub(crate) fn take(&self, permit: &mut MemoryPermit, bytes: usize) -> Result<(), Unavailable> {
        let more = u32::try_from(bytes).ok().and_then(|bytes| {
            let all = Arc::clone(&self.bytes);
            all.try_acquire_many_owned(bytes).ok()
        });
        let Some(more) = more else {
            self.exhausted.notify_waiters();
            return Err(Unavailable::Overloaded);
        };
        match &mut permit.0 {
            Some(permit) => permit.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }

    /// Waits until the next time that a request is refused.
    pub(crate) async fn exhausted(&self) {
        self.exhausted.notified().await;
    }

    /// Resizes a permit to exactly `bytes` bytes.
    pub(crate) fn resize(&self, permit: &mut MemoryPermit, bytes: usize) -> Result<(), Unavailable> {
        let now = permit.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if bytes >= now {
            return self.take(permit, bytes - now);
        }
        // The part that is split off is dropped, which returns it to the budget.
        permit.0.as_mut().and_then(|permit| permit.split(now - bytes));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget_and_permits() -> (MemoryBudget, MemoryPermit, MemoryPermit) {
        (MemoryBudget::default(), MemoryPermit::default(), MemoryPermit::default())
    }

    #[test]
    fn dropping_a_permit_returns_its_memory() {
        let (memory, mut first, mut second) = budget_and_permits();
        memory.take(&mut first, BYTES / 2).unwrap();
        memory.take(&mut first, BYTES / 4).unwrap();
        assert_eq!(memory.take(&mut second, BYTES / 2), Err(Unavailable::Overloaded));
        memory.take(&mut second, BYTES / 4).unwrap();
        drop((first, second));
        memory.take(&mut MemoryPermit::default(), BYTES).unwrap();
        assert!(memory.take(&mut MemoryPermit::default(), usize::MAX).is_err());
    }

    #[test]
    fn a_permit_grows_and_shrinks() {
        let (memory, mut first, mut second) = budget_and_permits();
        memory.take(&mut first, BYTES).unwrap();
        memory.resize(&mut first, BYTES / 4).unwrap();
        memory.resize(&mut second, BYTES / 2).unwrap();
        assert_eq!(memory.resize(&mut first, BYTES), Err(Unavailable::Overloaded));
        memory.resize(&mut first, BYTES / 2).unwrap();
        assert!(memory.take(&mut MemoryPermit::default(), 1).is_err());
    }
}
