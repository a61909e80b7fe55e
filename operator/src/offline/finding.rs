//! Findings about pipelines.

use serde::Serialize;

use super::schema::Refusal;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub(super) enum Severity {
    /// The pipeline would be refused.
    Error,
    /// The pipeline would be accepted, but work badly.
    Warning,
}

/// A problem of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// Path of the field, such as `spec.producers[0].name`; empty for the object itself.
    pub(super) field: String,
    pub(super) message: String,
}

impl Finding {
    pub(super) fn warning(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, field: field.into(), message: message.into() }
    }

    pub(super) fn error(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, field: field.into(), message: message.into() }
    }
}

impl From<Refusal> for Finding {
    fn from(refusal: Refusal) -> Self {
        Self::error(refusal.field, refusal.message)
    }
}
