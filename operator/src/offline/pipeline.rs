//! One EventPipeline of a file, and what is wrong with it.

use eventpipeline_crds::EventPipeline;
use eventpipeline_service::error_chain;
use kube::ResourceExt as _;
use serde::Serialize;
use serde_json::{Value, json};

use super::schema::{Refusal, Schema};
use super::warnings;
use crate::eventpipeline::{Rendered, render};
use crate::routes::Claim;

/// What an object of a file has where the API server would give it one.
const NAMESPACE: &str = "default";
const UID: &str = "00000000-0000-0000-0000-000000000000";

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub(super) enum Severity {
    /// It would be refused.
    Error,
    /// It would be taken, and work badly.
    Warning,
}

/// Something to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// Where in the object, as `spec.producers[0].name`; empty for the object itself.
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

/// Namespace and name as far as they are written.
pub(super) fn name(object: &Value) -> String {
    let text = |field: &str| object["metadata"][field].as_str();
    let name = text("name").or(text("generateName")).unwrap_or("(without a name)");
    text("namespace").map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"))
}

/// Why the API server, or the operator after it, would not take the object, or the change from `old` to it.
pub(super) fn errors(schema: &Schema, object: &Value, old: Option<&Value>) -> Vec<Finding> {
    if let Some(wrong_version) = wrong_version(object) {
        return vec![wrong_version];
    }
    let refusals = schema.refusals(object, old);
    if !refusals.is_empty() {
        return refusals.into_iter().map(Finding::from).collect();
    }
    // The image is no part of what can be wrong.
    rendered(schema, object, super::DEFAULT_IMAGE).err().into_iter().collect()
}

/// What would be taken, and work badly.
pub(super) fn warnings(schema: &Schema, object: &Value) -> Vec<Finding> {
    match typed(schema, object) {
        Ok(pipeline) => warnings::of(&pipeline, object),
        Err(_) => Vec::new(),
    }
}

/// The hosts and paths that it asks for.
pub(super) fn claims(schema: &Schema, object: &Value) -> Vec<Claim> {
    let Ok(pipeline) = typed(schema, object) else { return Vec::new() };
    Claim::of_route(&pipeline.namespace().unwrap_or_default(), pipeline.spec.route.as_ref())
}

/// What the operator would make of it.
pub(super) fn rendered(schema: &Schema, object: &Value, image: &str) -> Result<Vec<Rendered>, Finding> {
    let pipeline = typed(schema, object)?;
    render(&pipeline, image)
        .map_err(|error| Finding::error("spec", format!("the operator: {}", error_chain(&error))))
}

fn wrong_version(object: &Value) -> Option<Finding> {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let ours = <EventPipeline as kube::Resource>::api_version(&());
    (version != ours).then(|| {
        let message = format!("no matches for kind \"EventPipeline\" in version \"{version}\": it is {ours}");
        Finding::error("apiVersion", message)
    })
}

/// As it would be stored.
fn typed(schema: &Schema, object: &Value) -> Result<EventPipeline, Finding> {
    let mut object = schema.stored(object);
    let metadata = &mut object["metadata"];
    for (field, value) in [("namespace", NAMESPACE), ("uid", UID)] {
        if !metadata[field].is_string() {
            metadata[field] = json!(value);
        }
    }
    serde_json::from_value(object).map_err(|error| Finding::error("spec", error.to_string()))
}
