//! Findings about whole documents. `tests/it/lint.rs` checks that refusals equal those of a real API server.

mod changes;
mod working_badly;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::documents;
use super::finding::Finding;
use super::pipeline::{errors, rendered, warnings};
use super::schema::Schema;

const IMAGE: &str = "registry.example/ours:1.2.3";

fn schema() -> Schema {
    Schema::of_pipelines().unwrap()
}

fn pipeline(spec: &str) -> Value {
    let spec: Value = serde_saphyr::from_str(spec).unwrap();
    json!({
        "apiVersion": "eventpipeline.dev/v1alpha1", "kind": "EventPipeline",
        "metadata": {"name": "orders", "namespace": "shop"}, "spec": spec,
    })
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

/// Returns the examples whose programs are ours.
fn examples() -> Vec<PathBuf> {
    let mut files = ["examples", "examples/handlers-on-cluster/python"].map(files).concat();
    files.retain(|file| !file.ends_with("kustomization.yaml"));
    files
}

fn pipelines(file: &Path) -> Vec<Value> {
    let pipelines = documents::read(file).unwrap().pipelines.unwrap();
    assert!(!pipelines.is_empty(), "{}", file.display());
    pipelines
}

/// Formats findings like the text output does.
fn lines(findings: &[Finding]) -> String {
    let lines: Vec<_> =
        findings.iter().map(|Finding { field, message, .. }| format!("{field}: {message}\n")).collect();
    lines.concat()
}

#[test]
fn every_invalid_pipeline_is_refused_with_its_message() {
    let schema = schema();
    let files = files("crds/invalid");
    assert!(files.len() > 80, "{}", files.len());
    for file in files {
        let found: Vec<_> =
            pipelines(&file).iter().flat_map(|object| errors(&schema, object, None)).collect();
        let text = fs::read_to_string(&file).unwrap();
        for expected in text.lines().filter_map(|line| line.strip_prefix("# expect: ")) {
            let found = lines(&found);
            assert!(found.contains(expected), "{}: {expected}\n{found}", file.display());
        }
    }
}

/// The rules of the API server can't compare the lists of all groups within their cost limit.
#[test]
fn groups_whose_lists_differ_and_share_a_type_are_refused() {
    let found =
        errors(&schema(), &pipeline("{consumers: [{name: a, types: [w, x]}, {name: b, types: [x]}]}"), None);
    let expected = "refused by the operator: the spec is invalid: \"x\" is in `types` of the groups \"a\" and \"b\", whose lists differ";
    assert!(lines(&found).contains(expected), "{found:?}");
}

#[test]
fn every_example_is_accepted_and_rendered() {
    let schema = schema();
    for file in examples() {
        for object in pipelines(&file) {
            assert_eq!(errors(&schema, &object, None), [], "{}", file.display());
            assert!(rendered(&schema, &object, IMAGE).unwrap().len() > 8);
        }
    }
}

/// Demonstrations are small on purpose.
#[test]
fn examples_have_no_warnings() {
    let schema = schema();
    for file in examples() {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        if ["eventpipeline", "minimal", "word-api"].contains(&name.as_str()) {
            continue;
        }
        for object in pipelines(&file) {
            assert_eq!(lines(&warnings(&schema, &object)), "", "{}", file.display());
        }
    }
}

#[test]
fn rendering_is_repeatable() {
    let object = pipeline("{producers: [{name: a}, {name: b, replicas: 3}]}");
    let once = rendered(&schema(), &object, IMAGE).unwrap();
    assert_eq!(once, rendered(&schema(), &object, IMAGE).unwrap());
    let names: Vec<_> = once.iter().map(|object| format!("{} {}", object.kind, object.name)).collect();
    insta::assert_yaml_snapshot!("rendered_objects", names);
    assert!(once.iter().all(|object| object.object["metadata"]["namespace"] == "shop"));
    assert!(once.iter().all(|object| object.object.get("data").is_none()));
}

#[test]
fn another_version_is_refused() {
    let mut object = pipeline("{}");
    object["apiVersion"] = json!("eventpipeline.dev/v1");
    let found = errors(&schema(), &object, None);
    assert!(lines(&found).contains("in version \"eventpipeline.dev/v1\""), "{found:?}");
}
