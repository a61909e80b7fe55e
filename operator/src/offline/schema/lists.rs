//! Lists with distinct items: sets, and maps that are written as lists.

use std::collections::HashMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use serde_json::{Map, Value};

use super::path::Path;
use super::{Refusal, inside};

/// Refuses the first duplicate of each item or of each key. The API server does not report further ones.
pub(super) fn check(schema: &JSONSchemaProps, value: &Value, path: &Path, refusals: &mut Vec<Refusal>) {
    if let Some(list) = value.as_array() {
        let mut seen: HashMap<_, usize> = HashMap::new();
        for (at, item) in list.iter().enumerate() {
            let Some(identity) = identity(schema, item) else { continue };
            let before = seen.entry(identity.to_string()).or_default();
            if *before == 1 {
                refusals.push(Refusal::duplicate(&path.item(at), &identity));
            }
            *before += 1;
        }
    }
    for (schema, value, path) in inside(schema, value, path) {
        check(schema, value, &path, refusals);
    }
}

/// Returns the value that must be distinct, or `None` if the list may contain duplicates.
fn identity(schema: &JSONSchemaProps, item: &Value) -> Option<Value> {
    match schema.x_kubernetes_list_type.as_deref() {
        Some("set") => Some(item.clone()),
        Some("map") => {
            let keys = schema.x_kubernetes_list_map_keys.iter().flatten();
            let key = |key: &String| Some((key.clone(), item.get(key)?.clone()));
            Some(Value::Object(keys.filter_map(key).collect::<Map<_, _>>()))
        }
        _ => None,
    }
}
