//! Unknown fields. The API server drops them, and kubectl requests that it refuse them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use serde_json::Value;

use super::path::Path;
use super::{Refusal, inside, metadata};

/// Refuses fields that are neither in the schema nor common to all objects.
pub(super) fn check(schema: &JSONSchemaProps, object: &Value, refusals: &mut Vec<Refusal>) {
    let common = ["apiVersion", "kind", "metadata", "status"];
    fields(schema, object, &common, &Path::root(), refusals);
    if let Some(metadata) = object["metadata"].as_object() {
        let path = Path::root().child("metadata");
        let unknown = metadata.keys().filter(|name| !metadata::FIELDS.contains(&name.as_str()));
        refusals.extend(unknown.map(|name| Refusal::unknown(&path.child(name))));
    }
}

fn fields(schema: &JSONSchemaProps, value: &Value, known: &[&str], path: &Path, refusals: &mut Vec<Refusal>) {
    if let Some(members) = value.as_object() {
        for name in members.keys() {
            if super::field(schema, name).is_none() && !known.contains(&name.as_str()) {
                refusals.push(Refusal::unknown(&path.child(name)));
            }
        }
    }
    for (schema, value, path) in inside(schema, value, path) {
        fields(schema, value, &[], &path, refusals);
    }
}
