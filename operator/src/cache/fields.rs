//! Detects whether an object still is what was applied, by a digest of the fields that our field manager
//! owns.
//!
//! Server-side apply records the owner of each field. A client that changes one of our fields becomes its
//! owner, and a client that removes one removes the record as well. Both change the digest. Fields that other
//! clients add do not change it, and the operator leaves them alone.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Map, Value};

use crate::api::FIELD_MANAGER;

/// Returns the digest of the fields that applying `object` makes ours.
pub(crate) fn digest(object: &Value) -> u64 {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|name, _| !matches!(name.as_str(), "apiVersion" | "kind" | "status"));
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|name, _| matches!(name.as_str(), "labels" | "annotations" | "ownerReferences"));
        }
    }
    hash(&object)
}

/// Returns the digest of our fields of an existing object, or that of `null` if none is ours.
pub(crate) fn digest_of_ours(object: &Value) -> u64 {
    hash(&our_fields(object).map_or(Value::Null, |fields| owned(object, fields)))
}

/// Returns the pod template of an object, reduced to our fields.
pub(super) fn our_template(object: &Value) -> Option<Value> {
    let fields = our_fields(object)?.pointer("/f:spec/f:template")?;
    Some(owned(object.pointer("/spec/template")?, fields))
}

/// Returns whether a field is ours. `path` is its path in `fieldsV1`.
pub(super) fn is_ours(object: &Value, path: &[&str]) -> bool {
    let mut fields = our_fields(object);
    for name in path {
        fields = fields.and_then(|fields| fields.get(name));
    }
    fields.is_some()
}

/// Returns the `fieldsV1` entry of our applies.
fn our_fields(object: &Value) -> Option<&Value> {
    let entries = object["metadata"]["managedFields"].as_array();
    let ours = entries.into_iter().flatten().find(|entry| {
        entry["manager"] == FIELD_MANAGER && entry["operation"] == "Apply" && entry["subresource"].is_null()
    });
    ours.map(|entry| &entry["fieldsV1"])
}

/// Returns the part of `value` that the field set contains.
fn owned(value: &Value, fields: &Value) -> Value {
    match (value, fields.as_object()) {
        (Value::Object(members), Some(fields)) if !fields.is_empty() => {
            let member = |(name, fields): (&String, &Value)| {
                let name = name.strip_prefix("f:")?;
                Some((name.to_owned(), owned(members.get(name)?, fields)))
            };
            Value::Object(fields.iter().filter_map(member).collect())
        }
        (Value::Array(items), Some(fields)) if !fields.is_empty() => {
            Value::Array(items.iter().filter_map(|item| owned_item(item, fields)).collect())
        }
        // A scalar, or a value that is owned as a whole.
        _ => value.clone(),
    }
}

/// Returns the part of a list item that the field set of the list contains.
fn owned_item(item: &Value, fields: &Map<String, Value>) -> Option<Value> {
    fields.iter().find_map(|(path, fields)| {
        if let Some(key) = path.strip_prefix("k:") {
            let key: Map<String, Value> = serde_json::from_str(key).ok()?;
            key.iter().all(|(name, value)| item.get(name) == Some(value)).then(|| owned(item, fields))
        } else {
            let value: Value = serde_json::from_str(path.strip_prefix("v:")?).ok()?;
            (value == *item).then(|| item.clone())
        }
    })
}

/// Returns a hash that does not depend on the order of members.
fn hash(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    feed(value, &mut hasher);
    hasher.finish()
}

fn feed(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Null => 0_u8.hash(hasher),
        Value::Bool(value) => (1_u8, value).hash(hasher),
        Value::Number(value) => (2_u8, value.to_string()).hash(hasher),
        Value::String(value) => (3_u8, value).hash(hasher),
        Value::Array(items) => {
            (4_u8, items.len()).hash(hasher);
            for item in items {
                feed(item, hasher);
            }
        }
        Value::Object(members) => {
            (5_u8, members.len()).hash(hasher);
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            for (name, value) in members {
                name.hash(hasher);
                feed(value, hasher);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn applied() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "a", "namespace": "n", "labels": {"app": "x"}},
            "spec": {"type": "ClusterIP", "ports": [{"name": "http", "port": 80}], "list": ["a", "b"]},
        })
    }

    /// The applied object as the API server stores it: with defaults, fields of others and field owners.
    fn live() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {
                "name": "a", "namespace": "n", "uid": "1", "labels": {"app": "x", "theirs": "1"},
                "managedFields": [
                    {"manager": "another", "operation": "Update", "fieldsV1": {"f:metadata": {"f:labels": {"f:theirs": {}}}}},
                    {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": {
                        "f:metadata": {"f:labels": {"f:app": {}}},
                        "f:spec": {
                            "f:type": {}, "f:list": {},
                            "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}, "f:port": {}}},
                        },
                    }},
                ],
            },
            "spec": {
                "clusterIP": "10.0.0.1", "type": "ClusterIP", "list": ["a", "b"],
                "ports": [{"name": "theirs", "port": 1, "protocol": "TCP"}, {"name": "http", "port": 80, "protocol": "TCP"}],
            },
            "status": {},
        })
    }

    #[test]
    fn fields_that_others_added_do_not_change_the_digest() {
        assert_eq!(digest_of_ours(&live()), digest(&applied()));
    }

    #[test]
    fn a_change_to_one_of_our_fields_changes_the_digest() {
        for (path, value) in [
            ("/metadata/labels/app", json!("y")),
            ("/spec/ports/1/name", json!("https")),
            ("/spec/list", json!(["b", "a"])),
            ("/metadata/managedFields/1/fieldsV1/f:spec", json!({"f:type": {}})),
            ("/metadata/managedFields/1/manager", json!("thief")),
        ] {
            let mut live = live();
            *live.pointer_mut(path).unwrap() = value;
            assert_ne!(digest_of_ours(&live), digest(&applied()), "{path}");
        }
    }
}
