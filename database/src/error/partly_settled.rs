//! The result of a settlement that succeeded for some claims only.

use super::Error;
use crate::event::EventId;

/// The result of a settlement that failed for some claims. The claims of unlisted events had ended.
#[derive(Debug, Default, thiserror::Error)]
#[error("{} events are locked by other clients, and {} are refused", .locked.len(), .refused.len())]
pub struct PartlySettled {
    /// Events whose claims were settled.
    pub accepted: Vec<EventId>,
    /// Events that another client of the database has locked, so that the state of their claims is unknown.
    pub locked: Vec<EventId>,
    /// Events whose new values the database refuses.
    pub refused: Vec<Refused>,
}

/// An event whose settlement the database refuses.
#[derive(Debug)]
pub struct Refused {
    /// Id of the event.
    pub id: EventId,
    /// Error of the database.
    pub error: Error,
}

impl PartlySettled {
    /// Number of consecutive refusals, without any success, from which on the cause is not in single events.
    const MANY: usize = 16;

    /// Returns whether refusals concern single events.
    pub(crate) fn is_about_rows(&self) -> bool {
        !self.accepted.is_empty() || self.refused.len() < Self::MANY
    }

    pub(crate) fn into_result(self) -> Result<Vec<EventId>, Error> {
        if self.locked.is_empty() && self.refused.is_empty() {
            Ok(self.accepted)
        } else {
            Err(Error::PartlySettled(Box::new(self)))
        }
    }
}
