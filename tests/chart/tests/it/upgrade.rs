//! An upgrade updates the CRD, whichever version of Helm has installed the release.

use std::fs;
use std::path::{Path, PathBuf};

use eventpipeline_testkit::{ApiServer, eventually};
use serde_json::Value;

use crate::{Helm, chart, chart_copy, established, install, text};

/// A field that the previous release does not know.
const NEW: &str = "suspend";

/// Creates the chart of a previous release.
fn earlier(folder: &Path) -> PathBuf {
    let chart = chart_copy(folder);
    let about = chart.join("Chart.yaml");
    let now = fs::read_to_string(&about).expect("a chart");
    let before = now.replace(concat!("version: ", env!("CARGO_PKG_VERSION")), "version: 0.0.9");
    assert_ne!(now, before);
    fs::write(about, before).expect("a chart");
    let definition = chart.join("files/crd.yaml");
    let yaml = fs::read_to_string(&definition).expect("a definition");
    let mut json: Value = serde_saphyr::from_str(&yaml).expect("YAML");
    let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
    let fields = json.pointer_mut(spec).and_then(Value::as_object_mut).expect("fields");
    fields.remove(NEW).expect("the field");
    // JSON is YAML.
    fs::write(definition, json.to_string()).expect("a definition");
    chart
}

fn apply_new(server: &ApiServer, pipeline: &Path) -> Result<String, String> {
    server.kubectl(["apply", "--server-side", "--validate=strict", "-f", text(pipeline)])
}

#[tokio::test]
async fn an_upgrade_installs_the_new_crd() {
    for (first, second) in [(Helm::V3, Helm::V3), (Helm::V4, Helm::V4), (Helm::V3, Helm::V4)] {
        let server = ApiServer::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let pipeline = folder.path().join("pipeline.yaml");
        let yaml = format!(
            "apiVersion: eventpipeline.dev/v1alpha1\nkind: EventPipeline\n\
             metadata: {{name: demo, namespace: default}}\nspec: {{{NEW}: true}}\n"
        );
        fs::write(&pipeline, yaml).expect("a file");

        first.install(&server, &earlier(folder.path()), &[]).expect("the previous release");
        established(&server);
        let refused = apply_new(&server, &pipeline).expect_err("a field that is not known yet");
        assert!(refused.contains(NEW), "{refused}");

        second.upgrade(&server, &chart(), &[]).expect("an upgrade");
        // The API server applies a changed CRD after a moment.
        eventually(async || apply_new(&server, &pipeline).ok()).await;
        let value = server.kubectl(["get", "eventpipeline", "demo", "-o", "jsonpath={.spec.suspend}"]);
        assert_eq!(value.as_deref(), Ok("true"), "{first:?}, {second:?}");
    }
}

#[tokio::test]
async fn a_second_upgrade_changes_nothing() {
    let server = ApiServer::start().await;
    install(&server, &[]).expect("an installation");
    let version = || {
        let deployment = ["get", "deployment", "-A", "-o", "jsonpath={.items[*].metadata.generation}"];
        server.kubectl(deployment).expect("the operator")
    };
    let before = version();
    for helm in [Helm::V4, Helm::V3] {
        helm.upgrade(&server, &chart(), &[]).expect("an upgrade");
        assert_eq!(version(), before, "{helm:?} changes the Deployment without a cause");
    }
}
