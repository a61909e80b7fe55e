//! Lanes of the queue: the pending events of the types that a group takes.

use std::collections::BTreeSet;

use eventpipeline_crds as crd;
use serde_json::{Value, json};

/// Maximum number of types that the database knows.
const MOST_TYPES: usize = 1000;
/// Maximum size of the JSON in bytes. Linux limits an environment variable to 128 KiB.
const MOST_BYTES: usize = 100_000;
/// Maximum length of a type in bytes.
const LONGEST: usize = 255;

/// A rule that the `types` of the groups break.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(in crate::eventpipeline) enum Error {
    #[error("`types` of group {group:?} must have at least one type, or be omitted")]
    Empty { group: String },
    #[error(
        "`types` of group {group:?} has {text:?}, which must be a type such as `order.created` or a beginning such as \
         `order.*`, with at most 255 letters, digits and `._:/+-`"
    )]
    Type { group: String, text: String },
    #[error(
        "`types` of group {group:?} must not be set, because its `contract` is `Classic`: programs that know only the \
         classic columns never see events with a type"
    )]
    Classic { group: String },
    #[error(
        "{text:?} is in `types` of the groups {one:?} and {other:?}, whose lists differ: give both groups the same list, \
         or the type to one of them"
    )]
    Shared { text: String, one: String, other: String },
    #[error("`types` of all groups have {number} different types and must have at most {MOST_TYPES}")]
    TooMany { number: usize },
    #[error(
        "`types` of all groups take {bytes} bytes and must take at most {MOST_BYTES}; use shorter beginnings"
    )]
    TooLong { bytes: usize },
}

/// The lanes of a pipeline, in the order of their first groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::eventpipeline) struct Lanes(Vec<Lane>);

/// A lane. Its events have one of the types.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Lane {
    /// Name of the first group with these types.
    name: String,
    types: BTreeSet<String>,
}

impl Lanes {
    /// Validates the `types` of all groups. Groups with equal sets of types share a lane.
    pub(super) fn new(groups: &[crd::ConsumerGroup]) -> Result<Self, Error> {
        let mut lanes: Vec<Lane> = Vec::new();
        for group in groups {
            let Some(types) = types(group)? else { continue };
            if lanes.iter().any(|lane| lane.types == types) {
                continue;
            }
            for lane in &lanes {
                if let Some(text) = lane.types.intersection(&types).next() {
                    let (one, other) = (lane.name.clone(), group.name.clone());
                    return Err(Error::Shared { text: text.clone(), one, other });
                }
            }
            lanes.push(Lane { name: group.name.clone(), types });
        }
        Self(lanes).within_bounds()
    }

    fn within_bounds(self) -> Result<Self, Error> {
        let number = self.0.iter().map(|lane| lane.types.len()).sum();
        if number > MOST_TYPES {
            return Err(Error::TooMany { number });
        }
        match self.json().map_or(0, |json| json.len()) {
            bytes if bytes > MOST_BYTES => Err(Error::TooLong { bytes }),
            _ => Ok(self),
        }
    }

    /// Returns the name of the group's lane, or `None` for the default lane.
    pub(super) fn of(&self, group: &crd::ConsumerGroup) -> Option<&str> {
        let types: BTreeSet<_> = group.types.iter().flatten().cloned().collect();
        let lane = self.0.iter().find(|lane| lane.types == types)?;
        Some(&lane.name)
    }

    /// Returns the lanes and their types as compact JSON, by which the database assigns events to lanes: lanes in
    /// their order, types sorted. Returns `None` if there is only the default lane.
    pub(in crate::eventpipeline) fn json(&self) -> Option<String> {
        let lanes = self.0.iter().map(|Lane { name, types }| json!({"lane": name, "types": types}));
        (!self.0.is_empty()).then(|| lanes.collect::<Value>().to_string())
    }
}

/// Returns the group's set of types, if it has one.
fn types(group: &crd::ConsumerGroup) -> Result<Option<BTreeSet<String>>, Error> {
    let Some(types) = &group.types else { return Ok(None) };
    let name = || group.name.clone();
    if types.is_empty() {
        return Err(Error::Empty { group: name() });
    }
    if group.contract == crd::Contract::Classic {
        return Err(Error::Classic { group: name() });
    }
    if let Some(text) = types.iter().find(|text| !is_valid(text)) {
        return Err(Error::Type { group: name(), text: text.clone() });
    }
    Ok(Some(types.iter().cloned().collect()))
}

/// Returns whether the text is a type, or `.*` after the beginning of several.
fn is_valid(text: &str) -> bool {
    let name = text.strip_suffix(".*").unwrap_or(text).as_bytes();
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._:/+-".contains(byte);
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    text.len() <= LONGEST && name.iter().all(allowed) && ends(name.first()) && ends(name.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_the_characters_that_the_schema_allows() {
        let long = |length: usize| "x".repeat(length);
        for text in ["a", "7", "order.created", "order.*", "a:b/c+d-e_f", "a..b.*", &long(255)] {
            assert!(is_valid(text), "{text}");
        }
        for text in ["", "*", ".*", "order*", "order.", "-a", "a b", "\u{e9}", "a.*.b", &long(256)] {
            assert!(!is_valid(text), "{text}");
        }
        assert!(is_valid(&format!("{}.*", long(253))) && !is_valid(&format!("{}.*", long(254))));
    }
}
