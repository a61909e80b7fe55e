//! One EventPipeline of a file, and the findings about it.

use eventpipeline_crds::EventPipeline;
use eventpipeline_service::error_chain;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::finding::Finding;
use super::schema::Schema;
use super::warnings;
use crate::eventpipeline::{Rendered, render};
use crate::routes::Claim;

/// Metadata that the API server would set.
const NAMESPACE: &str = "default";
const UID: &str = "00000000-0000-0000-0000-000000000000";

/// Returns the namespace, if it is set, and the name.
pub(super) fn name(object: &Value) -> String {
    let text = |field: &str| object["metadata"][field].as_str();
    let name = text("name").or(text("generateName")).unwrap_or("(without a name)");
    text("namespace").map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"))
}

/// Returns the reasons that the API server or the operator would refuse the object, or the change from `old`.
pub(super) fn errors(schema: &Schema, object: &Value, old: Option<&Value>) -> Vec<Finding> {
    if let Some(wrong_version) = wrong_version(object) {
        return vec![wrong_version];
    }
    let refusals = schema.refusals(object, old);
    if !refusals.is_empty() {
        return refusals.into_iter().map(Finding::from).collect();
    }
    // The image is always valid.
    rendered(schema, object, super::DEFAULT_IMAGE).err().into_iter().collect()
}

/// Returns warnings about a valid object.
pub(super) fn warnings(schema: &Schema, object: &Value) -> Vec<Finding> {
    match typed(schema, object) {
        Ok(pipeline) => warnings::of(&pipeline, object),
        Err(_) => Vec::new(),
    }
}

/// Returns the hosts and paths of the route.
pub(super) fn claims(schema: &Schema, object: &Value) -> Vec<Claim> {
    let Ok(pipeline) = typed(schema, object) else { return Vec::new() };
    Claim::of_route(&pipeline.namespace().unwrap_or_default(), pipeline.spec.route.as_ref())
}

/// Returns the objects that the operator would apply.
pub(super) fn rendered(schema: &Schema, object: &Value, image: &str) -> Result<Vec<Rendered>, Finding> {
    let pipeline = typed(schema, object)?;
    render(&pipeline, image)
        .map_err(|error| Finding::error("spec", format!("refused by the operator: {}", error_chain(&error))))
}

fn wrong_version(object: &Value) -> Option<Finding> {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let ours = <EventPipeline as kube::Resource>::api_version(&());
    (version != ours).then(|| {
        let message = format!("no matches for kind \"EventPipeline\" in version \"{version}\": use {ours}");
        Finding::error("apiVersion", message)
    })
}

/// Returns the object as the API server would store it.
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
