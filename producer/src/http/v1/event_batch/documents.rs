//! Splits a body into the JSON texts of its events.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::http::problem::Problem;

/// Maximum number of events of a batch.
pub(super) const MAX_EVENTS: usize = 1000;
const TOO_MANY: &str = "it has more than 1000 events";

/// The JSON text of an event.
#[derive(Debug)]
pub(super) struct EventText<'a> {
    pub(super) position: Position,
    pub(super) json: &'a str,
}

/// The position of an event in a body.
#[derive(Debug, Clone, Copy)]
pub(super) enum Position {
    Only,
    /// Index in an array, counted from 0.
    Index(usize),
    /// Line, counted from 1.
    Line(usize),
}

impl Position {
    /// Returns the problem of the event at this position.
    pub(super) fn problem(self, why: &str) -> Problem {
        let problem = Problem::invalid_event(&self.to_string(), why);
        match self {
            Self::Line(line) => problem.in_line(line),
            Self::Only | Self::Index(_) => problem,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Only => formatter.write_str("the event"),
            Self::Index(index) => write!(formatter, "the event at [{index}]"),
            Self::Line(line) => write!(formatter, "the event on line {line}"),
        }
    }
}

/// Returns the events of a body with one event per line. Blank lines are skipped.
pub(super) fn lines(body: &str) -> Result<Vec<EventText<'_>>, Problem> {
    let lines = (1..).zip(body.lines()).filter(|(_, line)| !line.trim().is_empty());
    let texts: Vec<_> = lines
        .map(|(line, json)| EventText { position: Position::Line(line), json })
        .take(MAX_EVENTS + 1)
        .collect();
    if texts.len() > MAX_EVENTS { Err(Problem::invalid_event("the body", TOO_MANY)) } else { Ok(texts) }
}

/// Returns the events of a body with one event, or an array of events.
pub(super) fn documents(body: &str) -> Result<Vec<EventText<'_>>, Problem> {
    if !body.trim_start().starts_with('[') {
        return Ok(vec![EventText { position: Position::Only, json: body }]);
    }
    let AtMost(documents) =
        serde_json::from_str(body).map_err(|error| Problem::invalid_event("the body", &error.to_string()))?;
    let texts = documents.into_iter().enumerate();
    Ok(texts.map(|(index, json)| EventText { position: Position::Index(index), json: json.get() }).collect())
}

/// An array of at most [`MAX_EVENTS`] documents. Parsing stops at the next document, so that a body of commas does not become a
/// long list.
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
                    if documents.len() == MAX_EVENTS {
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
