//! Keys of events: at most `concurrency` events of a key are in the queue or claimed, the earliest ones. All others are blocked.
//!
//! The row of a key counts its unfinished events. A transaction that adds events to a key, or ends some, locks this row first, so all
//! transactions agree about the order of the key's events and about the number that is not blocked. The end of an event unblocks
//! the next one in the same transaction.
//!
//! A blocked event has a state of its own (`state_column.rs`). So consumers never read blocked events, and the next event of a key is
//! the first entry of a range of the index. An event that is unblocked goes to the end of the queue, so that keys take turns.

mod join;
mod leave;
mod repair;
mod settings;

use std::num::NonZeroU16;

use serde::Deserialize;

use crate::event_key::KeyNumber;
use crate::sql_batch::SqlBatch;

pub(crate) use join::{Joined, Joining, ReadKeySettings};
pub(crate) use leave::{Leaving, LockedNext, leave, select_next};

/// Rules for the events of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KeyRules {
    /// Maximum number of events of a key that are in the queue or claimed.
    pub concurrency: NonZeroU16,
    /// Consequence of a dead event for the later events of its key.
    pub on_dead: OnDead,
}

/// Consequence of a dead event for the later events of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum OnDead {
    /// The next event follows.
    Skip,
    /// All later events wait until the dead one is retried and ends, or is removed.
    Block,
}

/// The error for a text that contains no rules.
#[derive(Debug, thiserror::Error)]
#[error(
    "must be JSON like {{\"concurrency\": 1, \"onDead\": \"Skip\"}}, with a concurrency from 1 to 65535 and Skip or Block"
)]
pub struct InvalidKeyRules(#[from] serde_json::Error);

impl KeyRules {
    /// Reads rules from JSON: `{"concurrency": 1, "onDead": "Skip"}`.
    ///
    /// # Errors
    /// Returns [`InvalidKeyRules`] if the text is of another shape.
    pub fn from_json(text: &str) -> Result<Self, InvalidKeyRules> {
        Ok(serde_json::from_str(text)?)
    }
}

/// Adds the numbers of keys, separated by commas.
pub(crate) fn numbers<'a, 'b>(
    batch: &'a mut SqlBatch,
    numbers: impl IntoIterator<Item = &'b KeyNumber>,
) -> &'a mut SqlBatch {
    batch.list(numbers, |batch, number| {
        batch.number(number.get());
    })
}

/// Converts a number of events that was read.
fn size(number: i64) -> usize {
    usize::try_from(number).unwrap_or_default()
}

/// SQL expression: the number of a dead event's key if the event still counts there.
macro_rules! key_of_dead {
    () => {
        "IF(COALESCE((SELECT dead_blocks FROM KeySettings), 0) = 1, key_number, NULL)"
    };
}
pub(crate) use key_of_dead;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_checked_before_they_are_stored() {
        let rules = KeyRules::from_json(r#"{"concurrency": 3, "onDead": "Block"}"#).unwrap();
        assert_eq!((rules.concurrency.get(), rules.on_dead), (3, OnDead::Block));
        for wrong in [
            "{}",
            r#"{"concurrency": 0, "onDead": "Skip"}"#,
            r#"{"concurrency": 65536, "onDead": "Skip"}"#,
            r#"{"concurrency": 1, "onDead": "skip"}"#,
            r#"{"concurrency": 1, "onDead": "Skip", "x": 1}"#,
        ] {
            assert!(
                KeyRules::from_json(wrong).unwrap_err().to_string().contains("must be JSON like"),
                "{wrong}"
            );
        }
    }
}
