//! Keys of events.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// The key of an event: `customer-7`. Events with the same key are handled in the order of their creation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey(String);

/// The error for a text that is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a key has 1 to {} characters, each printable ASCII, and begins and ends with no space",
    EventKey::MAX_CHARS
)]
pub struct InvalidEventKey;

impl EventKey {
    /// Maximum length, the width of `Events.event_key`.
    pub const MAX_CHARS: usize = 255;

    /// Validates a text.
    ///
    /// # Errors
    /// Returns [`InvalidEventKey`] unless the text has 1 to 255 printable ASCII characters, of which the first and the last are not
    /// spaces.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidEventKey> {
        let text = text.into();
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let length = 1..=Self::MAX_CHARS;
        if printable && length.contains(&text.len()) && text.trim().len() == text.len() {
            Ok(Self(text))
        } else {
            Err(InvalidEventKey)
        }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The number of a key in the tables, from 2³² to 2⁶². Keys with the same number would be handled as one key, which is correct but slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct KeyNumber(i64);

impl KeyNumber {
    /// Returns the number of the key with this text.
    pub(crate) fn of(text: &str) -> Self {
        let hash: [u8; 32] = Sha256::digest(text).into();
        let first = hash.iter().take(8).fold(0, |number: u64, byte| (number << 8) | u64::from(*byte));
        Self((first >> 2).cast_signed() | (1 << 32))
    }

    /// Returns `None` for a number that is not one of a key.
    pub(crate) fn new(number: i64) -> Option<Self> {
        (number >= 1 << 32).then_some(Self(number))
    }

    pub(crate) const fn from_row(number: i64) -> Self {
        Self(number)
    }

    pub(crate) fn get(self) -> i64 {
        self.0
    }

    /// Returns `Events.state` of the key's blocked events.
    pub(crate) fn state(self) -> i64 {
        -self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_and_printable() {
        for wrong in ["", "ç", "a\tb", " a", "a ", " ", &"x".repeat(256)] {
            assert_eq!(EventKey::new(wrong), Err(InvalidEventKey), "{wrong:?}");
        }
        for right in ["x", "order 17/a", &"x".repeat(255)] {
            assert!(EventKey::new(right).is_ok(), "{right:?}");
        }
    }

    #[test]
    fn the_number_of_a_key_is_no_lane_and_never_changes() {
        // printf customer-7 | sha256sum
        assert_eq!(KeyNumber::of("customer-7").state(), -3_110_713_556_517_268_842);
        for key in 0..10_000 {
            let number = KeyNumber::of(&key.to_string()).get();
            assert!(number >= 1 << 32, "{number}");
        }
    }
}
