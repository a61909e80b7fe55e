//! Defaults, filled in like the API server does.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use serde_json::Value;

/// Fills in missing fields. Null counts as missing unless the field is nullable.
pub(super) fn fill_in(schema: &JSONSchemaProps, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, value| {
                let nullable = super::field(schema, name).is_none_or(|field| field.nullable == Some(true));
                !value.is_null() || nullable
            });
            for (name, field) in schema.properties.iter().flatten() {
                if let (Some(default), false) = (&field.default, fields.contains_key(name)) {
                    fields.insert(name.clone(), default.0.clone());
                }
            }
            for (name, value) in fields {
                if let Some(schema) = super::field(schema, name) {
                    fill_in(schema, value);
                }
            }
        }
        Value::Array(list) => {
            if let Some(schema) = super::items(schema) {
                for value in list {
                    fill_in(schema, value);
                }
            }
        }
        _ => {}
    }
}
