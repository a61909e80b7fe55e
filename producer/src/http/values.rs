//! Parsers of values in requests.

use std::str::FromStr;

use eventpipeline_database::{EventKey, EventType, Priority};
use jiff::Timestamp;

/// Parses one or more digits without a sign.
pub(super) fn number<T: FromStr>(text: &str) -> Option<T> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

pub(super) fn priority(text: &str) -> Option<Priority> {
    number(text).and_then(Priority::new)
}

/// Parses the type of an event.
pub(super) fn event_type(text: &str) -> Option<EventType> {
    EventType::new(text).ok()
}

/// Parses the key of an event.
pub(super) fn event_key(text: &str) -> Option<EventKey> {
    EventKey::new(text).ok()
}

/// Parses an RFC 3339 time. Times before 1970 become 1970: they are in the past as well, and databases accept fewer of them.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    text.parse().ok().map(|time: Timestamp| time.max(Timestamp::UNIX_EPOCH))
}
