//! The body of `POST /v1/events`: one event, an array of them, or one a line.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use eventpipeline_database::{Creation, NewEvent, NotBefore, Priority};
use serde::de::{Error as _, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::api::body::{is_json, is_json_lines};
use crate::api::openapi::AnyJson;
use crate::api::order::timestamp;
use crate::api::payload;
use crate::api::problem::Problem;

/// The longest body.
pub(in crate::api) const MAX_BYTES: usize = 4 * 1024 * 1024;
/// How many events it holds at the most.
const MOST: usize = 1000;

/// The events of a body of at most [`MAX_BYTES`].
pub(in crate::api) fn parse(
    content_type: Option<&str>,
    bytes: &[u8],
    payload_bytes: usize,
) -> Result<Creation, Problem> {
    let body =
        std::str::from_utf8(bytes).map_err(|_| Problem::invalid_event("the body", "it is not UTF-8"))?;
    let texts = match content_type {
        Some(lines) if is_json_lines(lines) => lines_of(body)?,
        Some(other) if !is_json(other) => {
            let expected = "events are application/json or application/x-ndjson";
            return Err(Problem::wrong_type(expected, other));
        }
        _ => documents_of(body)?,
    };
    let events = texts
        .into_iter()
        .map(|Text { which, json }| event(json, payload_bytes).map_err(|why| which.problem(&why)));
    let creation = Creation::many(events.collect::<Result<_, _>>()?);
    creation.ok_or_else(|| Problem::invalid_event("the body", "it has no event"))
}

/// The JSON text of an event, and how to name it when it is wrong.
#[derive(Debug)]
struct Text<'a> {
    which: Which,
    json: &'a str,
}

#[derive(Debug, Clone, Copy)]
enum Which {
    Only,
    /// In an array, from 0.
    Place(usize),
    /// From 1.
    Line(usize),
}

impl Which {
    /// What is wrong with it.
    fn problem(self, why: &str) -> Problem {
        let problem = Problem::invalid_event(&self.to_string(), why);
        match self {
            Self::Line(line) => problem.in_line(line),
            Self::Only | Self::Place(_) => problem,
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Only => formatter.write_str("the event"),
            Self::Place(place) => write!(formatter, "the event at [{place}]"),
            Self::Line(line) => write!(formatter, "the event in line {line}"),
        }
    }
}

/// Lines without anything are left out: the last one ends with a line break, too.
fn lines_of(body: &str) -> Result<Vec<Text<'_>>, Problem> {
    let lines = (1..).zip(body.lines()).filter(|(_, line)| !line.trim().is_empty());
    let texts: Vec<_> =
        lines.map(|(line, json)| Text { which: Which::Line(line), json }).take(MOST + 1).collect();
    if texts.len() > MOST { Err(Problem::invalid_event("the body", TOO_MANY)) } else { Ok(texts) }
}

const TOO_MANY: &str = "it has more than 1000 events";

fn documents_of(body: &str) -> Result<Vec<Text<'_>>, Problem> {
    if !body.trim_start().starts_with('[') {
        return Ok(vec![Text { which: Which::Only, json: body }]);
    }
    let AtMost(documents) =
        serde_json::from_str(body).map_err(|error| Problem::invalid_event("the body", &error.to_string()))?;
    let texts = documents.into_iter().enumerate();
    Ok(texts.map(|(place, json)| Text { which: Which::Place(place), json: json.get() }).collect())
}

/// An array that is given up at the first document too many: a body of commas must not become a long list.
struct AtMost<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for AtMost<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Documents;
        impl<'de> Visitor<'de> for Documents {
            type Value = AtMost<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an array of events")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<AtMost<'de>, A::Error> {
                let mut documents = Vec::new();
                while let Some(document) = array.next_element()? {
                    if documents.len() == MOST {
                        return Err(A::Error::custom(TOO_MANY));
                    }
                    documents.push(document);
                }
                Ok(AtMost(documents))
            }
        }
        deserializer.deserialize_seq(Documents)
    }
}

/// An event to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewEvent)]
pub(in crate::api) struct EventBody<'a> {
    /// What the consumer gets with it.
    #[serde(borrow, default)]
    #[schema(value_type = AnyJson, required = false)]
    payload: Option<&'a RawValue>,
    /// How urgent it is; a point is worth a minute of waiting.
    #[serde(default, deserialize_with = "priority")]
    #[schema(value_type = u8, minimum = 0, maximum = 9)]
    priority: Priority,
    /// When it is processed at the earliest.
    #[serde(default)]
    #[schema(format = DateTime)]
    not_before: Option<String>,
    /// Instead of `notBefore`: how many seconds after its creation.
    #[serde(default, deserialize_with = "delay")]
    #[schema(value_type = u32, minimum = 0)]
    delay_seconds: Option<u32>,
}

/// One event, or an array of them, as the description shows it.
pub(in crate::api) struct Events;

impl PartialSchema for Events {
    fn schema() -> RefOr<Schema> {
        let event = || Ref::from_schema_name(EventBody::name());
        let array = ArrayBuilder::new().items(event()).min_items(Some(1)).max_items(Some(MOST));
        OneOfBuilder::new().item(event()).item(array).into()
    }
}

impl ToSchema for Events {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("NewEvents")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((EventBody::name().into_owned(), EventBody::schema()));
        EventBody::schemas(schemas);
    }
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

        /// To JSON, 1.0 is as whole as 1.
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

        /// Whole ones alone are written without a point.
        fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<u32, E> {
            (number + 0.0).to_string().parse().map_err(|_| E::invalid_value(Unexpected::Float(number), &self))
        }
    }
    deserializer.deserialize_u32(Seconds).map(Some)
}

fn event(json: &str, payload_bytes: usize) -> Result<NewEvent, String> {
    // What serde derives would take an array of the fields' values, too.
    if !json.trim_start().starts_with('{') {
        return Err("it is not an object".to_owned());
    }
    let EventBody { payload, priority, not_before, delay_seconds } =
        serde_json::from_str(json).map_err(|error| error.to_string())?;
    let payload = payload.map(RawValue::get);
    if let Some(payload) = payload {
        if payload.len() > payload_bytes {
            return Err(format!("its payload has more than {payload_bytes} bytes"));
        }
        payload::check_depth(payload)?;
    }
    let time = |text: String| {
        timestamp(&text).ok_or_else(|| format!("its notBefore is not a time as in RFC 3339: {text:?}"))
    };
    let not_before = match (not_before, delay_seconds) {
        (Some(_), Some(_)) => return Err("it has both notBefore and delaySeconds".to_owned()),
        (Some(text), None) => Some(NotBefore::At(time(text)?)),
        (None, delay) => delay.map(NotBefore::Delay),
    };
    Ok(NewEvent { payload: payload.map(str::to_owned), priority, not_before })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: Option<&str> = Some("application/x-ndjson");

    fn parsed(content_type: Option<&str>, body: &str) -> Result<Vec<NewEvent>, String> {
        let creation = parse(content_type, body.as_bytes(), 16);
        creation.map(|creation| creation.events().to_vec()).map_err(|problem| format!("{problem:?}"))
    }

    #[test]
    fn an_event_is_read_with_its_payload_as_it_was_posted() {
        let body =
            r#" {"payload": {"a":  1e400}, "priority": 9.0, "notBefore": "2027-01-31T08:00:00+01:00"} "#;
        let [NewEvent { payload, priority, not_before }] = parsed(None, body).unwrap().try_into().unwrap();
        assert_eq!(payload.as_deref(), Some(r#"{"a":  1e400}"#));
        assert_eq!(priority.get(), 9);
        assert_eq!(not_before, Some(NotBefore::At("2027-01-31T07:00:00Z".parse().unwrap())));
    }

    #[test]
    fn a_delay_is_a_whole_number_of_seconds() {
        for (text, seconds) in [("90", 90), ("90.0", 90), ("-0.0", 0), ("4294967295", u32::MAX)] {
            let events = parsed(None, &format!("{{\"delaySeconds\":{text}}}")).unwrap();
            assert_eq!(events[0].not_before, Some(NotBefore::Delay(seconds)), "{text}");
        }
    }

    #[test]
    fn an_array_and_lines_hold_several() {
        for (content_type, body) in
            [(None, "[{},{\"payload\":null}]"), (LINES, "{}\n\n{\"payload\":null}\r\n")]
        {
            let events = parsed(content_type, body).unwrap();
            assert_eq!(events.len(), 2);
            assert!(events.iter().all(|event| event.payload.is_none() && event.priority.get() == 0));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, named) in [
            ("", "not an object"),
            ("[]", "no event"),
            ("[{},3]", "[1]: it is not an object"),
            ("[[null, 3, null]]", "[0]: it is not an object"),
            ("[{\"a\":1}]", "unknown field `a`"),
            ("[{},{\"priority\":10}]", "[1]: invalid value: integer `10`, expected a priority from 0 to 9"),
            ("{\"priority\":-1}", "a priority from 0 to 9"),
            ("{\"priority\":0.5}", "floating point `0.5`, expected a priority from 0 to 9"),
            ("{\"priority\":1e400}", "number out of range"),
            ("{\"priority\":null}", "a priority from 0 to 9"),
            ("{\"priority\":1,\"priority\":1}", "duplicate field"),
            ("{\"notBefore\":\"tomorrow\"}", "RFC 3339"),
            ("{\"notBefore\":7}", "expected a string"),
            ("{\"delaySeconds\":-1}", "a delay from 0 to 4294967295 seconds"),
            ("{\"delaySeconds\":1.5}", "a delay from 0"),
            ("{\"delaySeconds\":4294967296}", "a delay from 0"),
            ("{\"delaySeconds\":null}", "a delay from 0"),
            (
                "{\"delaySeconds\":1,\"notBefore\":\"2027-01-31T08:00:00Z\"}",
                "both notBefore and delaySeconds",
            ),
            ("{\"payload\":\"0123456789abcdef\"}", "more than 16 bytes"),
            ("{} {}", "trailing"),
            ("[{},", "EOF"),
        ] {
            let problem = parsed(None, body).unwrap_err();
            assert!(problem.contains(named), "{body}: {problem}");
        }
        assert!(parsed(LINES, "{}\n[]\n").unwrap_err().contains("line 2"));
        assert!(parsed(Some("text/plain"), "{}").unwrap_err().contains("application/x-ndjson"));
        assert!(parse(None, b"{\"payload\":\"\xff\"}", 16).is_err());
    }

    #[test]
    fn a_thousand_are_the_most() {
        let lines = "{}\n".repeat(MOST);
        let array = format!("[{}]", vec!["{}"; MOST].join(","));
        assert_eq!(parsed(LINES, &lines).unwrap().len(), MOST);
        assert_eq!(parsed(None, &array).unwrap().len(), MOST);
        assert!(parsed(LINES, &format!("{lines}{{}}")).unwrap_err().contains("more than 1000"));
        assert!(parsed(None, &array.replace("[{}", "[{},{}")).unwrap_err().contains("more than 1000"));
    }
}
