//! Events: their ids, contents and states.

use std::fmt;

use jiff::Timestamp;
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// The id of an event: positive and unique, without gaps unless a classic program breaks the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(i64);

impl EventId {
    /// The id of a database's first event.
    pub const FIRST: Self = Self(1);

    /// Returns `None` for a number below 1, which is no event's id.
    pub fn new(id: i64) -> Option<Self> {
        (id >= 1).then_some(Self(id))
    }

    /// Returns the id as a number.
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

/// The priority of an event, from 0 (the default) to 9.
///
/// A point is worth a minute of waiting: an event of priority 5 precedes events of priority 0 that are up to five minutes
/// older. No event waits forever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Priority(u8);

impl Priority {
    /// The highest priority.
    pub const MAX: Self = Self(9);

    /// Returns `None` above [`Priority::MAX`].
    pub fn new(points: u8) -> Option<Self> {
        (points <= Self::MAX.0).then_some(Self(points))
    }

    /// Returns the points.
    pub fn get(self) -> u8 {
        self.0
    }

    /// Returns the nearest valid priority to one that another program stored.
    pub(crate) fn from_row(points: i8) -> Self {
        u8::try_from(points).ok().map_or_else(Self::default, |points| Self(points.min(Self::MAX.0)))
    }
}

/// The value of an event: not blank, and at most [`Value::MAX_CHARS`] characters.
///
/// A classic program would take a blank value for "not processed".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value(String);

/// The error for a text that cannot be a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidValue {
    /// The text is empty or only white space.
    #[error("the value is blank; it must hold a character that is not white space")]
    Blank,
    /// The text exceeds the column.
    #[error("the value has {chars} characters; it must have at most {max}", max = Value::MAX_CHARS)]
    TooLong {
        /// Length of the text.
        chars: usize,
    },
}

impl Value {
    /// The width of `Events.valor`, in characters.
    pub const MAX_CHARS: usize = 8000;
    /// Maximum length as UTF-8, in bytes.
    pub const MAX_BYTES: usize = 4 * Self::MAX_CHARS;

    /// Validates a text.
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

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The state of an event, as in `Events.state`. Pending events of a lane have its negated number there, and blocked events that of
/// their key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum State {
    /// Waiting to be claimed, now or later.
    Pending,
    /// Waiting for earlier events of its key.
    Blocked,
    /// Claimed by a consumer.
    Processing,
    /// Completed with a value.
    Done,
    /// Given up after its last failed attempt.
    Dead,
    /// Cancelled before it was claimed.
    Cancelled,
}

impl State {
    /// All states.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Returns the number in the table; the highest one of several.
    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Blocked => i64::from(i32::MIN),
            Self::Pending => 0,
            Self::Processing => 1,
            Self::Done => 2,
            Self::Dead => 3,
            Self::Cancelled => 4,
        }
    }

    pub(crate) fn from_row(number: i64) -> Result<Self, sqlx::Error> {
        let number = match number {
            ..-100 => Self::Blocked.number(),
            number => number.max(Self::Pending.number()),
        };
        let unknown = || sqlx::Error::Decode(format!("unknown state {number}").into());
        Self::ALL.iter().copied().find(|state| state.number() == number).ok_or_else(unknown)
    }
}

/// The states that an event leaves only by a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Finished {
    /// Corresponds to [`State::Done`].
    Done,
    /// Corresponds to [`State::Dead`].
    Dead,
    /// Corresponds to [`State::Cancelled`].
    Cancelled,
}

impl From<Finished> for State {
    fn from(finished: Finished) -> Self {
        match finished {
            Finished::Done => Self::Done,
            Finished::Dead => Self::Dead,
            Finished::Cancelled => Self::Cancelled,
        }
    }
}

/// The position of an event in its state's order, as stored in the table: microseconds since 1970, including hours beyond
/// [`Timestamp`]'s range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) i64);

impl Place {
    /// `1000-01-01`, the first day of `DATETIME`. It also represents earlier values, because MySQL cannot compute with
    /// `0000-00-00`.
    pub(crate) const FIRST: i64 = -30_610_224_000_000_000;
    /// `9999-12-31 23:59:59.999999`
    pub(crate) const LAST: i64 = 253_402_300_799_999_999;

    pub(crate) fn from_row(microseconds: Option<i64>) -> Self {
        Self(microseconds.unwrap_or(Self::FIRST).clamp(Self::FIRST, Self::LAST))
    }
}

/// The parts of an event that waiting clients need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Id of the event.
    pub id: EventId,
    /// Value of the event; empty while it has none.
    pub valor: String,
    /// State of the event.
    pub state: State,
}

/// An event with all its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Id of the event.
    pub id: EventId,
    /// State of the event.
    pub state: State,
    /// Type of the event, as stored.
    pub event_type: Option<String>,
    /// Key of the event, as stored.
    pub key: Option<String>,
    /// Value of the event; empty while it has none.
    pub valor: String,
    /// JSON text of the payload.
    pub payload: Option<String>,
    /// Priority of the event.
    pub priority: Priority,
    /// Number of claims, without released ones.
    pub attempts: u32,
    /// Error of the last failed attempt.
    pub error: Option<String>,
    /// Name of the last owner.
    pub owner: Option<String>,
    /// Time of the creation.
    pub created_at: Timestamp,
    /// The position in the state's order. Pending: the place in the queue, or the earliest time of a claim. Claimed: the end of
    /// the lease. Finished: the completion time.
    pub due: Timestamp,
    /// The same, as stored in the table, for the cursor of the next page.
    pub(crate) place: Place,
    /// Time when it was completed, given up or cancelled; `None` also if a classic program completed it.
    pub finished_at: Option<Timestamp>,
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

    #[test]
    fn a_priority_is_a_digit() {
        assert_eq!(Priority::new(9), Some(Priority::MAX));
        assert_eq!(Priority::new(10), None);
        assert_eq!(Priority::from_row(-1), Priority::default());
        assert_eq!(Priority::from_row(100), Priority::MAX);
    }

    #[test]
    fn states_are_written_and_read_alike() {
        for state in State::ALL {
            assert_eq!(state.to_string().parse(), Ok(*state));
            assert_eq!(State::from_row(state.number()).unwrap(), *state);
        }
        assert_eq!(State::from(Finished::Dead).to_string(), Finished::Dead.to_string());
        assert_eq!(State::from_row(-100).unwrap(), State::Pending);
        assert_eq!(State::from_row(-4_294_967_296).unwrap(), State::Blocked);
        assert!(State::from_row(9).is_err());
    }
}
