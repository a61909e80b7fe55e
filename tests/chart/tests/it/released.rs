//! The chart of a release names the released image, and so does its install.yaml.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use eventpipeline_testkit::ApiServer;
use serde_json::Value;

use crate::{NAMESPACE, object, objects, repository, text};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const RELEASED: &str = concat!("registry.example.com/team/eventpipeline:", env!("CARGO_PKG_VERSION"));

/// Packages the chart into the folder, as `make release` does, and returns the archive.
fn package(folder: &Path) -> PathBuf {
    script(&["chart.sh", VERSION, text(folder)]);
    folder.join(format!("eventpipeline-{VERSION}.tgz"))
}

/// Runs a script of dev/release.
fn script(command: &[&str]) {
    let mut script = Command::new(repository("dev/release").join(command[0]));
    script.args(&command[1..]).env("REGISTRY", "registry.example.com/team");
    script.env("SOURCE_URL", "https://example.com/eventpipeline").env("SOURCE_DATE_EPOCH", "1700000000");
    // Without it, the scripts would take over the target folder that they share with other checkouts.
    let output = script.env("CARGO_TARGET_DIR", "target").output().expect("the script runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn image(operator: &Value) -> &Value {
    &operator["spec"]["template"]["spec"]["containers"][0]["image"]
}

#[tokio::test]
async fn its_stock_values_run_the_released_image() {
    let server = ApiServer::shared().await;
    let folder = tempfile::tempdir().expect("a folder");
    let archive = package(folder.path());
    // Built without its release's flags, Helm 3 takes itself for one of an old Kubernetes.
    let template = ["template", "e", text(&archive), "--kube-version=1.33.0"];
    for helm in [server.helm(template), server.helm3(template)] {
        let rendered = helm.expect("it renders");
        assert_eq!(rendered.matches(&format!("\"{RELEASED}\"")).count(), 3, "{rendered}");
    }
}

#[tokio::test]
async fn its_metadata_names_its_home_and_image() {
    let server = ApiServer::shared().await;
    let folder = tempfile::tempdir().expect("a folder");
    let shown = server.helm(["show", "chart", text(&package(folder.path()))]).expect("metadata");
    let about: Value = serde_saphyr::from_str(&shown).expect("YAML");
    assert_eq!(about["home"], "https://example.com/eventpipeline");
    assert_eq!(about["sources"][0], "https://example.com/eventpipeline");
    let images = about["annotations"]["artifacthub.io/images"].as_str().expect("an annotation");
    let images: Value = serde_saphyr::from_str(images).expect("YAML");
    assert_eq!(images[0]["image"], RELEASED);
    // The configuration of the OCI artifact has the same metadata.
    let configuration = fs::read_to_string(folder.path().join("chart.json")).expect("a configuration");
    assert_eq!(serde_json::from_str::<Value>(&configuration).expect("JSON"), about);
}

#[test]
fn packaging_it_twice_gives_the_same_bytes() {
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let archives = folders.each_ref().map(|folder| fs::read(package(folder.path())).expect("an archive"));
    assert!(archives[0] == archives[1], "the archives differ");
}

#[tokio::test]
async fn its_install_yaml_is_a_namespace_and_what_helm_renders() {
    let server = ApiServer::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let archive = package(folder.path());
    let file = folder.path().join("install.yaml");
    script(&["install-yaml.sh", text(&archive), text(&file)]);
    let install = objects(&fs::read_to_string(&file).expect("install.yaml"));
    assert_eq!(install[0]["kind"], "Namespace");
    assert_eq!(*image(&object(&install, "Deployment", "eventpipeline-operator")), RELEASED);
    let template = ["template", "eventpipeline", text(&archive), "--namespace", NAMESPACE, "--skip-tests"];
    assert_eq!(install[1..], objects(&server.helm(template).expect("it renders")));
    // An API server accepts it from a user without any option.
    server.kubectl(["apply", "--warnings-as-errors", "-f", text(&file)]).expect("it is applied");
}
