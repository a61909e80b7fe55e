//! The lanes and their types, which decide where an event waits.
//!
//! The database decides, so that a change takes effect for all programs at once. Every statement that makes an event with a type
//! pending reads its lane, under a shared lock that conflicts with a change ([`change`]). Events that wait already are moved after
//! the change ([`relocate`]).

mod change;
mod relocate;

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::error::Error;
use crate::event_type::{EventType, InvalidType, TypePattern};
use crate::schema::{self, failed_to};
use crate::session::Database;
use crate::sql_batch::SqlBatch;
use crate::state_column;

/// Maximum number of types and beginnings of types.
const MOST: usize = 1000;

/// The lanes and their types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lanes(Vec<TypesOfLane>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct TypesOfLane {
    lane: String,
    types: Vec<TypePattern>,
}

/// The error for lanes that contradict each other or are not valid.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLanes {
    /// The text is not the expected JSON.
    #[error("must be JSON like [{{\"lane\": \"orders\", \"types\": [\"order.*\"]}}]")]
    Json(#[from] serde_json::Error),
    /// The name of a lane is not valid.
    #[error("the lane {0:?} must have a name of 1 to 63 characters")]
    Name(String),
    /// A lane is listed twice.
    #[error("the lane {0:?} is listed twice; list all its types at once")]
    RepeatedLane(String),
    /// A type is not valid.
    #[error("{text:?} is not a type, nor a type followed by `.*`")]
    Type {
        /// The text.
        text: String,
        /// The reason.
        source: InvalidType,
    },
    /// Two lanes have the same types.
    #[error("{0} is in two lanes; an event waits in one of them only")]
    RepeatedType(TypePattern),
    /// There are too many types.
    #[error("there are {0} types; there may be at most {MOST}")]
    TooMany(usize),
}

/// The JSON of a lane.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LaneJson {
    lane: String,
    types: Vec<String>,
}

impl Lanes {
    /// Reads lanes from JSON: `[{"lane": "orders", "types": ["order.*", "invoice.created"]}]`.
    ///
    /// # Errors
    /// Returns [`InvalidLanes`] if the text is of another shape, or if a lane or a type is listed twice.
    pub fn from_json(text: &str) -> Result<Self, InvalidLanes> {
        let lanes: Vec<LaneJson> = serde_json::from_str(text)?;
        let (mut names, mut patterns) = (BTreeSet::new(), BTreeSet::new());
        let mut found = Vec::new();
        for LaneJson { lane, types } in lanes {
            if !(1..=63).contains(&lane.chars().count()) {
                return Err(InvalidLanes::Name(lane));
            }
            if !names.insert(lane.clone()) {
                return Err(InvalidLanes::RepeatedLane(lane));
            }
            let types = types.into_iter().map(pattern).collect::<Result<Vec<_>, _>>()?;
            if let Some(repeated) = types.iter().find(|pattern| !patterns.insert((*pattern).clone())) {
                return Err(InvalidLanes::RepeatedType(repeated.clone()));
            }
            found.push(TypesOfLane { lane, types });
        }
        if patterns.len() > MOST { Err(InvalidLanes::TooMany(patterns.len())) } else { Ok(Self(found)) }
    }

    /// Returns whether all events wait in the default lane.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the name of the lane of each pattern.
    fn patterns(&self) -> impl Iterator<Item = (&TypePattern, &str)> {
        self.0.iter().flat_map(|lane| lane.types.iter().map(|pattern| (pattern, lane.lane.as_str())))
    }
}

fn pattern(text: String) -> Result<TypePattern, InvalidLanes> {
    TypePattern::new(text.as_str()).map_err(|source| InvalidLanes::Type { text, source })
}

impl Database {
    /// Replaces the lanes, and moves waiting events to their new lanes. Returns the number of moved events.
    ///
    /// Events that are created or return after the change go to their new lanes at once. The first lanes of a database are added to
    /// the column `state`, which copies the table of events: creations and claims wait for about 10 s per million events.
    ///
    /// # Errors
    /// Returns [`Error::TooManyLanes`] if more than a hundred lanes would exist at once, and [`Error::SchemaBlocked`] if another
    /// client keeps the table locked.
    pub async fn apply_lanes(&self, lanes: &Lanes) -> Result<usize, Error> {
        let mut connection = self.connect_for_changes().await?;
        schema::lock(&mut connection).await?;
        let exist = change::have_lanes(&mut connection).await.map_err(failed_to("read the lanes"))?;
        if lanes.is_empty() && !exist {
            return Ok(0);
        }
        match state_column::add_lanes(&mut connection).await {
            Err(source) if schema::is_lock(&source) => {
                return Err(self.blocked(source).await);
            }
            added => added.map_err(failed_to("add lanes to the table of events"))?,
        }
        match change::replace(lanes, &mut connection).await {
            Err(Error::Query { source, .. }) if schema::is_lock(&source) => {
                return Err(self.blocked(source).await);
            }
            replaced => replaced?,
        }
        relocate::waiting_events(&mut connection).await.map_err(failed_to("move events to their lanes"))
    }
}

/// SQL expression: the lane of the event with the columns in scope. Its lock makes a change of the lanes wait for the end of the
/// transaction, and the other way round.
macro_rules! lane_of_type {
    () => {
        "IF(type IS NULL, 0, COALESCE((SELECT r.lane FROM Lanes AS d STRAIGHT_JOIN LaneTypes AS r \
         ON r.pattern = type OR (RIGHT(r.pattern, 2) = '.*' \
         AND LEFT(type, LENGTH(r.pattern) - 1) = LEFT(r.pattern, LENGTH(r.pattern) - 1)) \
         WHERE d.lane = 0 ORDER BY r.pattern = type DESC, LENGTH(r.pattern) DESC LIMIT 1 LOCK IN SHARE MODE), 0))"
    };
}
pub(crate) use lane_of_type;

/// Classic value of a pending event's `processing`: programs that know only the classic columns see no events with a type or a key.
macro_rules! free {
    () => {
        "IF(type IS NULL AND event_key IS NULL, 0, 2)"
    };
}
pub(crate) use free;

impl SqlBatch {
    /// Adds a statement that keeps the lanes from changing until the end of the transaction.
    pub(crate) fn hold_lanes(&mut self) -> &mut Self {
        self.sql("SELECT lane INTO @held FROM Lanes WHERE lane = 0 LOCK IN SHARE MODE")
    }

    /// Adds a statement that sets the variable with this number to the lane of a type. Reads only the patterns that match.
    pub(crate) fn find_lane(&mut self, variable: usize, of: &EventType) -> &mut Self {
        self.sql("SET @lane").count(variable);
        self.sql(" = COALESCE((SELECT lane FROM LaneTypes WHERE pattern IN (");
        self.list(of.patterns(), |batch, pattern| {
            batch.bytes(pattern.as_bytes());
        });
        self.sql(") ORDER BY pattern = ").bytes(of.as_str().as_bytes());
        self.sql(" DESC, LENGTH(pattern) DESC LIMIT 1), 0)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_checked_before_they_are_stored() {
        let refused = |text: &str| Lanes::from_json(text).unwrap_err().to_string();
        assert!(refused("{}").contains("must be JSON like"));
        assert!(refused(r#"[{"lane": "a", "types": ["b"], "x": 1}]"#).contains("must be JSON like"));
        assert!(refused(r#"[{"lane": "", "types": ["b"]}]"#).contains("1 to 63 characters"));
        assert!(refused(r#"[{"lane": "a", "types": []}, {"lane": "a", "types": []}]"#).contains("twice"));
        assert!(refused(r#"[{"lane": "a", "types": ["*"]}]"#).contains("is not a type"));
        assert!(
            refused(r#"[{"lane": "a", "types": ["x.*"]}, {"lane": "b", "types": ["x.*"]}]"#)
                .contains("x.* is in two lanes")
        );
        let lanes = Lanes::from_json(r#"[{"lane": "a", "types": ["x.*", "y"]}]"#).unwrap();
        assert_eq!(lanes.patterns().map(|(pattern, _)| pattern.as_str()).collect::<Vec<_>>(), ["x.*", "y"]);
    }
}
