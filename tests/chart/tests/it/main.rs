//! Tests of the chart with Helm and a real Kubernetes API.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod about;
mod install;
mod monitoring;
mod openshift;
mod permissions;
mod pipeline;
mod policies;
mod reach;
mod release;
mod released;
mod scanners;
mod snapshots;
mod upgrade;
mod values;
mod variants;

use std::fs;
use std::path::{Path, PathBuf};

use eventpipeline_testkit::{ApiServer, definitions};
use serde_json::Value;

const NAMESPACE: &str = "eventpipeline-system";
/// The operator's user in Kubernetes if the release is called `eventpipeline`.
const OPERATOR: &str = "system:serviceaccount:eventpipeline-system:eventpipeline-operator";
/// The CRD.
const DEFINITION: &str = "crd/eventpipelines.eventpipeline.dev";
/// A registry of the image. The chart of a checkout names none.
const REGISTRY: &str = "image.registry=registry.example.com/team";
/// Declares the API version to `helm template`, which has no cluster that knows it.
const KNOWN: &str = "--api-versions=eventpipeline.dev/v1alpha1/EventPipeline";

/// The supported versions of Helm.
#[derive(Debug, Clone, Copy)]
enum Helm {
    V3,
    V4,
}

impl Helm {
    fn run(self, server: &ApiServer, arguments: &[&str]) -> Result<String, String> {
        let arguments = arguments.iter().copied();
        match self {
            Self::V3 => server.helm3(arguments),
            Self::V4 => server.helm(arguments),
        }
    }

    /// Installs a chart as `eventpipeline`. No pod runs, because there are no nodes.
    fn install(self, server: &ApiServer, chart: &Path, arguments: &[&str]) -> Result<String, String> {
        self.run(server, &[&["install", "--create-namespace"], &release(chart)[..], arguments].concat())
    }

    fn upgrade(self, server: &ApiServer, chart: &Path, arguments: &[&str]) -> Result<String, String> {
        self.run(server, &[&["upgrade"], &release(chart)[..], arguments].concat())
    }

    fn uninstall(self, server: &ApiServer) -> Result<String, String> {
        self.run(server, &["uninstall", "eventpipeline", "--namespace", NAMESPACE])
    }
}

fn release(chart: &Path) -> [&str; 6] {
    ["eventpipeline", text(chart), "--namespace", NAMESPACE, "--set", REGISTRY]
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn chart() -> PathBuf {
    repository("charts/eventpipeline")
}

/// Copies the chart to this folder, for changes.
fn chart_copy(folder: &Path) -> PathBuf {
    let target = folder.join("eventpipeline");
    copy(&chart(), &target);
    target
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Returns the YAML files of a folder in order.
fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    files.sort();
    files
}

/// Renders the chart as `helm template` does, with arguments such as `--set`.
fn render(server: &ApiServer, arguments: &[&str]) -> Result<String, String> {
    render_chart(server, &chart(), arguments)
}

fn render_chart(server: &ApiServer, chart: &Path, arguments: &[&str]) -> Result<String, String> {
    Helm::V4.run(server, &[&["template"], &release(chart)[..], arguments].concat())
}

/// Installs the chart as `eventpipeline`.
fn install(server: &ApiServer, arguments: &[&str]) -> Result<String, String> {
    Helm::V4.install(server, &chart(), arguments)
}

/// Parses the objects of a YAML text.
fn objects(yaml: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).expect("YAML");
    documents.into_iter().filter(Value::is_object).collect()
}

/// Returns the object of this kind and name.
fn object(objects: &[Value], kind: &str, name: &str) -> Value {
    let found = objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("there is no {kind} {name}")).clone()
}

/// Installs foreign CRDs and ours.
fn define(server: &ApiServer) {
    let ours = repository("crds/eventpipeline.yaml");
    for file in yaml_files(&definitions()).iter().chain([&ours]) {
        server.kubectl(["apply", "--server-side", "-f", text(file)]).expect("a definition");
    }
    server.established(&["crd", "--all"]).expect("definitions");
}

fn established(server: &ApiServer) {
    server.established(&[DEFINITION]).expect("the definition");
}
