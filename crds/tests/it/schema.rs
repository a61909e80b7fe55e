//! Every field is bounded, described and defaulted as the conventions of Kubernetes APIs ask.

use eventpipeline_crds::{EventPipeline, EventPipelineSpec};
use kube::CustomResourceExt;
use serde_json::{Value, json};

fn schema() -> Value {
    let crd = serde_json::to_value(EventPipeline::crd()).unwrap();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// Calls `check` with the path and schema of every field below `schema`.
fn walk(path: &str, schema: &Value, check: &mut impl FnMut(&str, &Value)) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        check(&path, property);
        walk(&path, property, check);
    }
    for (key, suffix) in [("items", "[]"), ("additionalProperties", "{}")] {
        if let Some(inner) = schema.get(key) {
            let path = format!("{path}{suffix}");
            check(&path, inner);
            walk(&path, inner, check);
        }
    }
}

#[track_caller]
fn assert_none(rule: &str, broken_by: impl Fn(&str, &Value) -> bool) {
    let mut found = Vec::new();
    let mut seen = 0;
    walk("", &schema(), &mut |path, field| {
        seen += 1;
        if broken_by(path, field) {
            found.push(path.to_owned());
        }
    });
    assert!(seen > 30, "only {seen} fields were looked at");
    assert!(found.is_empty(), "{rule}: {found:#?}");
}

fn is(field: &Value, type_: &str) -> bool {
    field["type"] == type_
}

#[test]
fn strings_are_bounded() {
    assert_none("a string needs maxLength, a format or an enum", |_, field| {
        (is(field, "string") || field["x-kubernetes-int-or-string"] == true)
            && field.get("maxLength").is_none()
            && field.get("format").is_none()
            && field.get("enum").is_none()
    });
}

#[test]
fn numbers_are_bounded_integers() {
    assert_none("an integer is signed and needs minimum and maximum", |_, field| {
        is(field, "integer")
            && (field.get("minimum").is_none()
                || field.get("maximum").is_none()
                || !["int32", "int64"].contains(&field["format"].as_str().unwrap_or_default()))
    });
    assert_none("no floating point", |_, field| is(field, "number"));
}

#[test]
fn lists_and_maps_are_bounded_and_say_how_they_merge() {
    assert_none("a list needs maxItems and a list type", |_, field| {
        is(field, "array")
            && (field.get("maxItems").is_none() || field.get("x-kubernetes-list-type").is_none())
    });
    assert_none("a map needs maxProperties", |_, field| {
        field.get("additionalProperties").is_some() && field.get("maxProperties").is_none()
    });
}

#[test]
fn fields_are_described_and_never_null() {
    assert_none("a field needs a description", |path, field| {
        !path.ends_with("[]")
            && !path.ends_with("{}")
            && field["description"].as_str().is_none_or(|text| text.len() < 10)
    });
    // The derive makes `status` itself nullable; only the operator writes it.
    assert_none("no nullable field", |path, field| path != ".status" && field["nullable"] == true);
    assert_none("every field has a type", |_, field| {
        field.get("type").is_none() && field["x-kubernetes-int-or-string"] != true
    });
}

#[test]
fn rules_say_what_must_be() {
    assert_none("a rule's message uses `must` and quotes the field", |_, field| {
        field["x-kubernetes-validations"].as_array().into_iter().flatten().any(|rule| {
            !rule["message"].as_str().is_some_and(|text| text.contains("must") && text.starts_with('`'))
        })
    });
}

/// Fills in defaults as the API server does.
fn default(schema: &Value, value: &mut Value) {
    if let (Some(properties), Some(object)) = (schema["properties"].as_object(), value.as_object_mut()) {
        for (name, property) in properties {
            if let (false, Some(default)) = (object.contains_key(name), property.get("default")) {
                object.insert(name.clone(), default.clone());
            }
            if let Some(inner) = object.get_mut(name) {
                default_inner(property, inner);
            }
        }
    }
}

fn default_inner(schema: &Value, value: &mut Value) {
    default(schema, value);
    for item in value.as_array_mut().into_iter().flatten() {
        default(&schema["items"], item);
    }
}

#[test]
fn defaults_of_the_schema_are_those_of_the_types() {
    for spec in [
        json!({}),
        json!({"database": {"managed": {}}, "route": {"ingress": {"anyHost": true}}, "networkPolicy": {}}),
        json!({"database": {"external": {"secretName": "a"}}, "retention": {"doneSeconds": 60}}),
        json!({"database": {"managed": {"storage": {"className": "fast"}}}, "route": {"ingress": {"host": "a"}, "operations": true}}),
        json!({"producers": [{"name": "a"}], "consumers": [{"name": "b", "handler": {"words": {}}}]}),
        json!({"consumers": [{"name": "b", "handler": {"http": {"url": "http://a"}}}]}),
        json!({
            "producers": [{"name": "a", "autoscaling": {"cpu": {"maxReplicas": 9}}, "resources": {}}],
            "consumers": [
                {"name": "b", "autoscaling": {"backlog": {"maxReplicas": 9}}, "backoff": {"maxSeconds": 9}},
                {"name": "c", "autoscaling": {"external": {}}, "resources": {"limits": {"cpu": "2"}}, "pod": {
                    "tolerations": [{"key": "a"}],
                    "topologySpread": [{"topologyKey": "zone"}],
                    "podAffinity": [{"labels": {"a": "b"}}],
                }},
            ],
            "route": {"httpRoute": {"parentRefs": [{"name": "gateway"}], "hostnames": ["a"]}},
        }),
    ] {
        let by_types: EventPipelineSpec = serde_json::from_value(spec.clone()).unwrap();
        let mut by_schema = spec;
        default(&schema()["properties"]["spec"], &mut by_schema);
        assert_eq!(serde_json::to_value(by_types).unwrap(), by_schema);
    }
}
