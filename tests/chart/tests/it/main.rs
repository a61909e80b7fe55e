//! What the chart promises, checked by Helm and a real Kubernetes API.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod install;
mod permissions;
mod values;
mod variants;

use std::path::{Path, PathBuf};

use eventpipeline_testkit::ApiServer;

const NAMESPACE: &str = "eventpipeline-system";
/// What the operator is to Kubernetes when the release is called `eventpipeline`.
const OPERATOR: &str = "system:serviceaccount:eventpipeline-system:eventpipeline-operator";

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Renders the chart as `helm template` does, with arguments such as `--set`.
fn render(server: &ApiServer, arguments: &[&str]) -> Result<String, String> {
    let chart = repository("charts/eventpipeline");
    let base = ["template", "eventpipeline", text(&chart), "--namespace", NAMESPACE];
    server.helm(base.into_iter().chain(arguments.iter().copied()))
}

/// Installs the chart under the name `eventpipeline`. There are no nodes: nothing of it runs.
fn install(server: &ApiServer, arguments: &[&str]) -> Result<String, String> {
    let chart = repository("charts/eventpipeline");
    let base = ["install", "eventpipeline", text(&chart), "--namespace", NAMESPACE, "--create-namespace"];
    server.helm(base.into_iter().chain(arguments.iter().copied()))
}
