//! What request bodies, and what answers, may take of this process's memory, each all together.
//!
//! Requests wait in mailboxes while the database is slow or away, each with its payloads, and answers wait for clients that
//! read slowly: a limit for each of them and one for their number would still add up to more than a pod has.

use std::sync::Arc;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::error::Unavailable;

/// Of bodies: eight transactions' worth of payloads. Of answers: eight pages of large events.
const BYTES: usize = 32 * 1024 * 1024;

/// What is left. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    bytes: Arc<Semaphore>,
    /// Somebody was refused.
    short: Arc<Notify>,
}

/// What a request or an answer has taken; dropping it gives it back.
#[derive(Debug, Default)]
pub(crate) struct Held(Option<OwnedSemaphorePermit>);

impl Default for Memory {
    fn default() -> Self {
        Self { bytes: Arc::new(Semaphore::new(BYTES)), short: Arc::default() }
    }
}

impl Memory {
    /// Takes more, or refuses at once: who waited for memory would hold some, too.
    pub(crate) fn take(&self, held: &mut Held, bytes: usize) -> Result<(), Unavailable> {
        let more = u32::try_from(bytes).ok().and_then(|bytes| {
            let all = Arc::clone(&self.bytes);
            all.try_acquire_many_owned(bytes).ok()
        });
        let Some(more) = more else {
            self.short.notify_waiters();
            return Err(Unavailable::Overloaded);
        };
        match &mut held.0 {
            Some(permit) => permit.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }

    /// The next time that somebody is refused.
    pub(crate) async fn short(&self) {
        self.short.notified().await;
    }

    /// Takes more or gives some back, so that exactly so many bytes are held.
    pub(crate) fn fit(&self, held: &mut Held, bytes: usize) -> Result<(), Unavailable> {
        let now = held.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if bytes >= now {
            return self.take(held, bytes - now);
        }
        // What is split off is dropped, and so given back.
        held.0.as_mut().and_then(|permit| permit.split(now - bytes));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back() {
        let (memory, mut first, mut second) = (Memory::default(), Held::default(), Held::default());
        memory.take(&mut first, BYTES / 2).unwrap();
        memory.take(&mut first, BYTES / 4).unwrap();
        assert_eq!(memory.take(&mut second, BYTES / 2), Err(Unavailable::Overloaded));
        memory.take(&mut second, BYTES / 4).unwrap();
        drop((first, second));
        memory.take(&mut Held::default(), BYTES).unwrap();
        assert!(memory.take(&mut Held::default(), usize::MAX).is_err());
    }

    #[test]
    fn what_was_estimated_is_corrected() {
        let (memory, mut first, mut second) = (Memory::default(), Held::default(), Held::default());
        memory.take(&mut first, BYTES).unwrap();
        memory.fit(&mut first, BYTES / 4).unwrap();
        memory.fit(&mut second, BYTES / 2).unwrap();
        assert_eq!(memory.fit(&mut first, BYTES), Err(Unavailable::Overloaded));
        memory.fit(&mut first, BYTES / 2).unwrap();
        assert!(memory.take(&mut Held::default(), 1).is_err());
    }
}
