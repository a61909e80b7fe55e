//! What the API server would answer to a resource: its own rules, taken from the resource definition.
//!
//! The order is the server's: what nobody knows is refused first, then defaults are filled in, bounds are checked, and
//! rules in CEL run unless something is so wrong that they could not.

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

/// The resource definition's schema.
pub(super) struct Schema {
    root: JSONSchemaProps,
    rules: Rules,
}

/// The resource definition has no schema.
#[derive(Debug, thiserror::Error)]
#[error("the resource definition has no schema")]
pub(super) struct NoSchema;

impl Schema {
    /// That of `EventPipeline`.
    pub(super) fn of_pipelines() -> Result<Self, NoSchema> {
        let mut versions = EventPipeline::crd().spec.versions.into_iter();
        let schema = versions.next().and_then(|version| version.schema).ok_or(NoSchema)?;
        let root = schema.open_api_v3_schema.ok_or(NoSchema)?;
        Ok(Self { root, rules: Rules::new() })
    }

    /// The object as the server would store it, if it took it: with every default.
    pub(super) fn stored(&self, object: &Value) -> Value {
        let mut object = object.clone();
        if let Some(fields) = object.as_object_mut() {
            // Only the operator writes it, and not by the same call.
            fields.remove("status");
        }
        defaults::fill_in(&self.root, &mut object);
        object
    }

    /// Why the server would not create the object, or not change `old` into it; empty where it would.
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

/// Schema of the items of a list.
fn items(schema: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match schema.items.as_ref()? {
        JSONSchemaPropsOrArray::Schema(items) => Some(items),
        JSONSchemaPropsOrArray::Schemas(_) => None,
    }
}

/// Schema of a field of an object, or of a value of a map.
fn field<'a>(schema: &'a JSONSchemaProps, name: &str) -> Option<&'a JSONSchemaProps> {
    if let Some(field) = schema.properties.as_ref().and_then(|fields| fields.get(name)) {
        return Some(field);
    }
    match schema.additional_properties.as_ref()? {
        JSONSchemaPropsOrBool::Schema(values) => Some(values),
        JSONSchemaPropsOrBool::Bool(_) => None,
    }
}

/// Each value inside of `value` that the schema knows, with its own schema and path.
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
