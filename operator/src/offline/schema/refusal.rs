//! Refusals in the words of the API server.

use serde_json::{Value, json};

use super::path::Path;

/// A reason that the API server refuses an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::offline) struct Refusal {
    /// Path of the field, such as `spec.producers[0].name`; empty for the object itself.
    pub(in crate::offline) field: String,
    /// The API server's message.
    pub(in crate::offline) message: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unknown,
    Required,
    Type,
    Unsupported,
    TooLong,
    TooMany,
    Duplicate,
    Invalid,
}

impl Refusal {
    fn new(kind: Kind, path: &Path, message: String) -> Self {
        Self { field: path.to_string(), message, kind }
    }

    pub(super) fn unknown(path: &Path) -> Self {
        Self::new(Kind::Unknown, path, format!("unknown field \"{path}\""))
    }

    pub(super) fn required(path: &Path, detail: &str) -> Self {
        let colon = if detail.is_empty() { "" } else { ": " };
        Self::new(Kind::Required, path, format!("Required value{colon}{detail}"))
    }

    /// Refuses a value of type `got`.
    pub(super) fn wrong_type(path: &Path, wanted: &str, got: &str) -> Self {
        let detail = format!("{path} in body must be of type {wanted}: \"{got}\"");
        Self::new(Kind::Type, path, format!("Invalid value: \"{got}\": {detail}"))
    }

    pub(super) fn unsupported(path: &Path, value: &Value, supported: &[String]) -> Self {
        let supported = supported.join(", ");
        let message = format!("Unsupported value: {value}: supported values: {supported}");
        Self::new(Kind::Unsupported, path, message)
    }

    pub(super) fn too_long(path: &Path, most: i64) -> Self {
        Self::new(Kind::TooLong, path, format!("Too long: may not be more than {most} bytes"))
    }

    pub(super) fn too_many(path: &Path, count: usize, most: i64) -> Self {
        Self::new(Kind::TooMany, path, format!("Too many: {count}: must have at most {most} items"))
    }

    pub(super) fn duplicate(path: &Path, value: &Value) -> Self {
        Self::new(Kind::Duplicate, path, format!("Duplicate value: {value}"))
    }

    /// Refuses a value that breaks a bound. `rule` follows the field's name.
    pub(super) fn out_of_bounds(path: &Path, value: &Value, rule: &str) -> Self {
        Self::invalid(path, value, &format!("{path} in body {rule}"))
    }

    pub(super) fn invalid(path: &Path, value: &Value, detail: &str) -> Self {
        Self::new(Kind::Invalid, path, format!("Invalid value: {value}: {detail}"))
    }

    /// Refuses a number that does not fit its format. The API server mentions the path only in the message.
    pub(super) fn out_of_format(path: &Path, format: &str) -> Self {
        let detail = format!("Checked value must be of type integer with format {format} in {path}");
        Self::invalid(&Path::root(), &json!(""), &detail)
    }

    /// Refuses a value that breaks a CEL rule, with the rule's message. Objects and lists are not shown.
    pub(super) fn broken_rule(path: &Path, value: &Value, message: &str) -> Self {
        match value {
            Value::Object(_) | Value::Array(_) => {
                Self::new(Kind::Invalid, path, format!("Invalid value: {message}"))
            }
            _ => Self::invalid(path, value, message),
        }
    }

    /// Returns whether the API server evaluates no CEL rules after this refusal.
    pub(super) fn keeps_rules_from_running(&self) -> bool {
        match self.kind {
            Kind::Required | Kind::Type | Kind::Unsupported | Kind::TooLong | Kind::TooMany => true,
            Kind::Unknown | Kind::Duplicate | Kind::Invalid => false,
        }
    }
}
