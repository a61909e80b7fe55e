//! One event of a batch.

use std::cmp::Ordering;
use std::fmt;

use eventpipeline_database::{EventKey, EventType, NewEvent, NotBefore, Priority};
use serde::de::{Error as _, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::http::openapi::{AnyJson, EventKeySchema, EventTypeSchema};
use crate::http::payload;
use crate::http::values::timestamp;

/// An event to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewEvent)]
pub(super) struct NewEventBody<'a> {
    /// Type of the event. It decides which group of consumers processes the event.
    #[serde(default, rename = "type", deserialize_with = "event_type")]
    #[schema(rename = "type", value_type = EventTypeSchema, required = false)]
    event_type: Option<EventType>,
    /// Key of the event. Events with the same key are processed in the order of their creation.
    #[serde(default, deserialize_with = "event_key")]
    #[schema(value_type = EventKeySchema, required = false)]
    key: Option<EventKey>,
    /// The consumer's input.
    #[serde(borrow, default)]
    #[schema(value_type = AnyJson, required = false)]
    payload: Option<&'a RawValue>,
    /// Urgency of the event; a point is worth a minute of waiting.
    #[serde(default, deserialize_with = "priority")]
    #[schema(value_type = u8, minimum = 0, maximum = 9)]
    priority: Priority,
    /// Earliest time at which the event is processed.
    #[serde(default)]
    #[schema(format = DateTime)]
    not_before: Option<String>,
    /// Delay before the event may be processed, in seconds. Cannot be combined with `notBefore`.
    #[serde(default, deserialize_with = "delay")]
    #[schema(value_type = u32, minimum = 0)]
    delay_seconds: Option<u32>,
}

fn event_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<EventType>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = |why| D::Error::custom(format_args!("its type is not valid: {why}"));
    EventType::new(text).map(Some).map_err(wrong)
}

fn event_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<EventKey>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = |why| D::Error::custom(format_args!("its key is not valid: {why}"));
    EventKey::new(text).map(Some).map_err(wrong)
}

fn priority<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Priority, D::Error> {
    struct ZeroToNine;
    impl Visitor<'_> for ZeroToNine {
        type Value = Priority;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a priority from 0 to 9")
        }

        fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Priority, E> {
            let priority = u8::try_from(number).ok().and_then(Priority::new);
            priority.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
        }

        /// JSON does not distinguish 1.0 from 1.
        fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Priority, E> {
            let wrong = || E::invalid_value(Unexpected::Float(number), &self);
            (0..=Priority::MAX.get())
                .find(|points| f64::from(*points).partial_cmp(&number) == Some(Ordering::Equal))
                .and_then(Priority::new)
                .ok_or_else(wrong)
        }
    }
    deserializer.deserialize_u8(ZeroToNine)
}

fn delay<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    struct Seconds;
    impl Visitor<'_> for Seconds {
        type Value = u32;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(formatter, "a delay from 0 to {} seconds", u32::MAX)
        }

        fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<u32, E> {
            u32::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
        }

        /// Only whole numbers are formatted without a decimal point.
        fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<u32, E> {
            (number + 0.0).to_string().parse().map_err(|_| E::invalid_value(Unexpected::Float(number), &self))
        }
    }
    deserializer.deserialize_u32(Seconds).map(Some)
}

/// Parses an event. Returns the reason if it is invalid.
pub(super) fn parse(json: &str, payload_bytes: usize) -> Result<NewEvent, String> {
    // The derived deserializer would also accept an array of the fields' values.
    if !json.trim_start().starts_with('{') {
        return Err("it is not an object".to_owned());
    }
    let NewEventBody { event_type, key, payload, priority, not_before, delay_seconds } =
        serde_json::from_str(json).map_err(|error| error.to_string())?;
    let payload = payload.map(RawValue::get);
    if let Some(payload) = payload {
        if payload.len() > payload_bytes {
            return Err(format!("its payload has more than {payload_bytes} bytes"));
        }
        payload::check_depth(payload)?;
    }
    let time = |text: String| {
        timestamp(&text).ok_or_else(|| format!("its notBefore is not an RFC 3339 time: {text:?}"))
    };
    let not_before = match (not_before, delay_seconds) {
        (Some(_), Some(_)) => return Err("it has both notBefore and delaySeconds".to_owned()),
        (Some(text), None) => Some(NotBefore::At(time(text)?)),
        (None, delay) => delay.map(NotBefore::Delay),
    };
    Ok(NewEvent { event_type, key, payload: payload.map(str::to_owned), priority, not_before })
}
