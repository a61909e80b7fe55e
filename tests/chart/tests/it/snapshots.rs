//! Snapshots of the complete rendered chart, for reviews.

use eventpipeline_testkit::ApiServer;

use crate::{KNOWN, render, repository, text};

/// Omits the CRD, rules and dashboards, which are files of their own.
const WITHOUT_FILES: [&str; 2] = ["--set", "crds.enabled=false"];

#[tokio::test]
async fn stock_values() {
    let server = ApiServer::shared().await;
    insta::assert_snapshot!(render(server, &WITHOUT_FILES).expect("it renders"));
}

#[tokio::test]
async fn every_value() {
    let server = ApiServer::shared().await;
    let values = repository("tests/chart/tests/it/values.yaml");
    let arguments = [&WITHOUT_FILES[..], &[KNOWN, "--values", text(&values)]].concat();
    insta::assert_snapshot!(render(server, &arguments).expect("it renders"));
}
