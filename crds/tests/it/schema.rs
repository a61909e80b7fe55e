//! Every field is bounded, described and defaulted according to the Kubernetes API conventions, and every
//! rule is tested.

use std::fs;
use std::path::Path;

use eventpipeline_crds::{EventPipeline, EventPipelineSpec};
use kube::CustomResourceExt;
use serde_json::{Value, json};

fn schema() -> Value {
    let crd = serde_json::to_value(EventPipeline::crd()).unwrap();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// Calls `check` with the path and the schema of every field below `schema`.
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
    assert!(seen > 30, "only {seen} fields were checked");
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
fn lists_and_maps_are_bounded_and_have_a_merge_strategy() {
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
    // The derive macro makes `status` itself nullable. Only the operator writes it.
    assert_none("no nullable field", |path, field| path != ".status" && field["nullable"] == true);
    assert_none("every field has a type", |_, field| {
        field.get("type").is_none() && field["x-kubernetes-int-or-string"] != true
    });
}

/// Returns the contents of all files in a folder of the repository.
fn texts(folder: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let files = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// A rule about changes must be violated by an update in the operator's tests, every other rule by a file in
/// `crds/invalid`.
#[test]
fn every_rule_has_a_test_that_violates_it() {
    let (invalid, updates) = (texts("crds/invalid"), texts("operator/tests/it"));
    let expected: Vec<_> = invalid
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.strip_prefix("# expect: `"))
        .collect();
    assert_none("a rule needs a test that violates it", |_, field| {
        field["x-kubernetes-validations"].as_array().into_iter().flatten().any(|rule| {
            let message = rule["message"].as_str().unwrap();
            if rule["rule"].as_str().unwrap().contains("oldSelf") {
                let beginning = message.split(": ").next().unwrap();
                !updates.iter().any(|text| text.contains(beginning))
            } else {
                !expected.iter().any(|expected| message.trim_start_matches('`').starts_with(expected))
            }
        })
    });
}

/// Sets defaults as the API server does.
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
fn the_schema_has_the_same_defaults_as_the_types() {
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
