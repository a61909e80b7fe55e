//! Events as the queue's operations take and give them.

use std::fmt;

/// The id of an event: positive, distinct, without gaps while only well-behaved producers create events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(i64);

impl EventId {
    /// `None` where no event can have this id: ids are at least 1.
    pub fn new(id: i64) -> Option<Self> {
        (id >= 1).then_some(Self(id))
    }

    /// The id as it stands in the tables.
    pub fn get(self) -> i64 {
        self.0
    }

    pub(crate) fn from_row(id: i64) -> Self {
        Self(id)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// An event to be created.
#[derive(Debug, Clone, Default)]
pub struct NewEvent {
    /// JSON text, stored as it is; the caller has checked that it is JSON.
    pub payload: Option<String>,
}

/// The answer to an event: not blank, and at most [`Value::MAX_CHARS`] characters.
///
/// A blank one would read as "not processed" to every program that knows the classic columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value(String);

/// Why a text cannot be the answer to an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidValue {
    /// Nothing, or only white space.
    #[error("the value is blank; it must hold a character that is not white space")]
    Blank,
    /// Longer than the column.
    #[error("the value has {chars} characters; it must have at most {max}", max = Value::MAX_CHARS)]
    TooLong {
        /// Its length.
        chars: usize,
    },
}

impl Value {
    /// The width of `Events.valor`, in characters.
    pub const MAX_CHARS: usize = 8000;

    /// Checks a text.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidValue> {
        let text = text.into();
        if text.trim().is_empty() {
            return Err(InvalidValue::Blank);
        }
        match text.chars().count() {
            chars if chars > Self::MAX_CHARS => Err(InvalidValue::TooLong { chars }),
            _ => Ok(Self(text)),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What readers see of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Which event.
    pub id: EventId,
    /// Its answer; empty while it has none.
    pub valor: String,
}

impl Snapshot {
    /// Whether the event has its answer.
    pub fn is_done(&self) -> bool {
        !self.valor.is_empty()
    }
}

/// Who claims, as `Events.owner` and log lines name it: a pod's name, usually.
#[derive(Debug, Clone)]
pub struct Claimer(String);

impl Claimer {
    /// The first 255 characters of `name`, the width of the column.
    pub fn new(name: &str) -> Self {
        Self(name.chars().take(255).collect())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A claimed event. Whoever holds it may settle it while its fence token is the event's last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Which event.
    pub id: EventId,
    /// The fence token of this claim.
    pub token: i64,
    /// How often the event was claimed, this claim included.
    pub attempt: i32,
    /// The JSON text it was created with.
    pub payload: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_not_blank_and_fits_its_column() {
        assert_eq!(Value::new(" \t\n"), Err(InvalidValue::Blank));
        assert_eq!(Value::new("ç".repeat(8001)), Err(InvalidValue::TooLong { chars: 8001 }));
        assert_eq!(Value::new("ç".repeat(8000)).unwrap().as_str().chars().count(), 8000);
    }

    #[test]
    fn an_id_is_positive() {
        assert_eq!(EventId::new(0), None);
        assert_eq!(EventId::new(-1), None);
        assert_eq!(EventId::new(i64::MAX).unwrap().get(), i64::MAX);
    }
}
