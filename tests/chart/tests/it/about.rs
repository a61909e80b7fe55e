//! The chart's metadata for Artifact Hub matches its contents.

use std::fs;

use eventpipeline_testkit::ApiServer;
use serde_json::Value;

use crate::{chart, define, repository, text};

/// Parses an annotation that contains YAML.
fn annotation(name: &str) -> Value {
    let about = fs::read_to_string(chart().join("Chart.yaml")).expect("a chart");
    let about: Value = serde_saphyr::from_str(&about).expect("YAML");
    let annotation = about["annotations"][format!("artifacthub.io/{name}")].as_str().expect("an annotation");
    serde_saphyr::from_str(annotation).expect("YAML")
}

#[tokio::test]
async fn its_resource_and_example_match_the_crd() {
    let server = ApiServer::start().await;
    define(&server);
    let definition = fs::read_to_string(repository("crds/eventpipeline.yaml")).expect("the definition");
    let definition: Value = serde_saphyr::from_str(&definition).expect("YAML");
    let listed = &annotation("crds")[0];
    assert_eq!(listed["name"], definition["metadata"]["name"]);
    assert_eq!(listed["kind"], definition["spec"]["names"]["kind"]);
    assert_eq!(listed["version"], definition["spec"]["versions"][0]["name"]);
    let file = tempfile::NamedTempFile::with_suffix(".json").expect("a file");
    fs::write(file.path(), annotation("crdsExamples")[0].to_string()).expect("a file");
    let apply = ["apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f"];
    server.kubectl(apply.into_iter().chain([text(file.path())])).expect("the example is right");
}

#[test]
fn every_change_has_a_kind_of_artifact_hub() {
    let changes = annotation("changes");
    for change in changes.as_array().expect("changes") {
        let kind = change["kind"].as_str().expect("a kind");
        assert!(
            ["added", "changed", "deprecated", "removed", "fixed", "security"].contains(&kind),
            "{change}"
        );
        assert!(change["description"].is_string(), "{change}");
    }
}
