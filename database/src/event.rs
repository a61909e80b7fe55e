//! Events: what identifies them, what they hold, and the states that they go through.

use std::fmt;

use jiff::Timestamp;
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use crate::list::Place;

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

/// How urgent an event is, from 0 (the default) to 9.
///
/// A point is worth a minute of waiting: an event of priority 5 is taken before those of priority 0 that are up to five
/// minutes older, and nothing waits for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Priority(u8);

impl Priority {
    /// The most urgent.
    pub const MAX: Self = Self(9);

    /// `None` above [`Priority::MAX`].
    pub fn new(points: u8) -> Option<Self> {
        (points <= Self::MAX.0).then_some(Self(points))
    }

    /// The points.
    pub fn get(self) -> u8 {
        self.0
    }

    /// Whatever another program wrote, as the nearest priority.
    pub(crate) fn from_row(points: i8) -> Self {
        u8::try_from(points).ok().map_or_else(Self::default, |points| Self(points.min(Self::MAX.0)))
    }
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
    /// What these take as UTF-8 at the most.
    pub const MAX_BYTES: usize = 4 * Self::MAX_CHARS;

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

/// Where an event is, as `Events.state` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum State {
    /// To be claimed, now or later.
    Pending,
    /// Claimed by a consumer.
    Processing,
    /// It has its answer.
    Done,
    /// Its last attempt has failed.
    Dead,
    /// Taken back before it was claimed.
    Cancelled,
}

impl State {
    /// Each of them.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The number in the table.
    pub(crate) fn number(self) -> i8 {
        match self {
            Self::Pending => 0,
            Self::Processing => 1,
            Self::Done => 2,
            Self::Dead => 3,
            Self::Cancelled => 4,
        }
    }

    pub(crate) fn from_row(number: i8) -> Result<Self, sqlx::Error> {
        let unknown = || sqlx::Error::Decode(format!("unknown state {number}").into());
        Self::ALL.iter().copied().find(|state| state.number() == number).ok_or_else(unknown)
    }
}

/// The states that an event does not leave by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Finished {
    /// [`State::Done`]
    Done,
    /// [`State::Dead`]
    Dead,
    /// [`State::Cancelled`]
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

/// What those who wait for an event need to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Which event.
    pub id: EventId,
    /// Its answer; empty while it has none.
    pub valor: String,
    /// Where it is.
    pub state: State,
}

/// An event in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Which event.
    pub id: EventId,
    /// Where it is.
    pub state: State,
    /// Its answer; empty while it has none.
    pub valor: String,
    /// The JSON text it was created with.
    pub payload: Option<String>,
    /// How urgent it is.
    pub priority: Priority,
    /// How often it was claimed, without claims that were given back unbegun.
    pub attempts: u32,
    /// Why its last failed attempt failed.
    pub error: Option<String>,
    /// Who claimed it last.
    pub owner: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it is to be looked at next: pending, its place in line or when it may be claimed; claimed, the end of the
    /// lease; else when it ended.
    pub due: Timestamp,
    /// The same as the table has it, for the next page.
    pub(crate) place: Place,
    /// When it was done, dead or cancelled; `None` also where a classic program did it.
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
        assert!(State::from_row(9).is_err());
    }
}
