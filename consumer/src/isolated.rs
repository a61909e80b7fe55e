//! Events that are handled without others, because one of them may have killed a consumer.

use eventpipeline_database::Isolation;

use crate::in_flight::BufferedEvent;

/// Isolated events that wait until no other event is handled. Nothing else is claimed until they have ended.
#[derive(Debug, Default)]
pub(crate) struct Isolated {
    waiting: Vec<BufferedEvent>,
    /// True if the last event that began is isolated: those of its claim may begin as well.
    begun: bool,
}

impl Isolated {
    /// Returns the event if it may begin, and keeps it otherwise.
    pub(crate) fn admit(&mut self, event: BufferedEvent) -> Option<BufferedEvent> {
        let isolated = event.claim.isolation != Isolation::None;
        if isolated && !self.begun {
            self.waiting.push(event);
            return None;
        }
        self.begun = isolated;
        Some(event)
    }

    /// Returns whether events wait.
    pub(crate) fn are_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Returns the waiting events. They may begin if no other event is handled.
    pub(crate) fn take(&mut self) -> Vec<BufferedEvent> {
        self.begun = self.are_waiting();
        std::mem::take(&mut self.waiting)
    }
}
