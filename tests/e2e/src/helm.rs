//! Helm on the cluster of the tests.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

/// The namespace in which `dev/install.sh` has installed the operator.
pub const OPERATOR_NAMESPACE: &str = "eventpipeline-system";
/// The release that `dev/install.sh` has installed.
pub const RELEASE: &str = "eventpipeline";
/// The chart of this checkout.
pub const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts/eventpipeline");

/// Runs Helm in a namespace. The error contains its output.
pub async fn helm(namespace: &str, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("helm");
    command.args(arguments).args(["--namespace", namespace]).stdin(Stdio::null());
    let output = command.output().await.context("failed to run helm")?;
    ensure!(output.status.success(), "helm {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
