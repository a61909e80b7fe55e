//! Predicts the API server's response to a resource, from the resource definition.
//!
//! The order is the API server's: it refuses unknown fields, fills in defaults, checks bounds, and evaluates
//! CEL rules unless an earlier error prevents that.

mod bounds;
mod defaults;
mod lists;
mod metadata;
mod path;
mod refusal;
mod rules;
mod unknown;

use eventpipeline_crds::EventPipeline;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt as _;
use serde_json::Value;

use path::Path;
pub(super) use refusal::Refusal;
use rules::Rules;

/// The schema in the resource definition.
pub(super) struct Schema {
    root: JSONSchemaProps,
    rules: Rules,
}

/// A resource definition without a schema.
#[derive(Debug, thiserror::Error)]
#[error("the resource definition has no schema")]
pub(super) struct NoSchema;

impl Schema {
    /// Returns the schema of `EventPipeline`.
    pub(super) fn of_pipelines() -> Result<Self, NoSchema> {
        let mut versions = EventPipeline::crd().spec.versions.into_iter();
        let schema = versions.next().and_then(|version| version.schema).ok_or(NoSchema)?;
        let root = schema.open_api_v3_schema.ok_or(NoSchema)?;
        Ok(Self { root, rules: Rules::new() })
    }

    /// Returns the object with every default, as the API server would store it.
    pub(super) fn stored(&self, object: &Value) -> Value {
        let mut object = object.clone();
        if let Some(fields) = object.as_object_mut() {
            // Only the operator writes the status, in another call.
            fields.remove("status");
        }
        defaults::fill_in(&self.root, &mut object);
        object
    }

    /// Returns the reasons that the API server would refuse to create the object, or to update `old`.
    pub(super) fn refusals(&self, object: &Value, old: Option<&Value>) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        unknown::check(&self.root, object, &mut refusals);
        let object = self.stored(object);
        let old = old.map(|old| self.stored(old));
        metadata::check(&object, &mut refusals);
        bounds::check(&self.root, &object, &Path::root(), &mut refusals);
        lists::check(&self.root, &object, &Path::root(), &mut refusals);
        if !refusals.iter().any(Refusal::keeps_rules_from_running) {
            self.rules.check(&self.root, &object, old.as_ref(), &Path::root(), &mut refusals);
        }
        refusals
    }
}

/// Returns the schema of the items of a list.
fn items(schema: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match schema.items.as_ref()? {
        JSONSchemaPropsOrArray::Schema(items) => Some(items),
        JSONSchemaPropsOrArray::Schemas(_) => None,
    }
}

/// Returns the schema of a field of an object, or of a value of a map.
fn field<'a>(schema: &'a JSONSchemaProps, name: &str) -> Option<&'a JSONSchemaProps> {
    if let Some(field) = schema.properties.as_ref().and_then(|fields| fields.get(name)) {
        return Some(field);
    }
    match schema.additional_properties.as_ref()? {
        JSONSchemaPropsOrBool::Schema(values) => Some(values),
        JSONSchemaPropsOrBool::Bool(_) => None,
    }
}

/// Returns each value inside `value` that has a schema, with its schema and path.
fn inside<'a>(
    schema: &'a JSONSchemaProps,
    value: &'a Value,
    path: &Path,
) -> Vec<(&'a JSONSchemaProps, &'a Value, Path)> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter_map(|(name, value)| Some((field(schema, name)?, value, path.child(name))))
            .collect(),
        Value::Array(list) => {
            let Some(schema) = items(schema) else { return Vec::new() };
            list.iter().enumerate().map(|(at, value)| (schema, value, path.item(at))).collect()
        }
        _ => Vec::new(),
    }
}
