//! A wrong value is refused before anything is installed, and named; the chart can be a part of another.

use std::{fs, path::Path};

use eventpipeline_testkit::ApiServer;

use crate::{render, repository, text};

#[tokio::test]
async fn a_wrong_value_is_named() {
    let server = ApiServer::shared().await;
    for (value, named) in [
        ("replicas=many", "/replicas"),
        ("leaderElection.leaseSeconds=1", "/leaderElection/leaseSeconds"),
        ("leaderElection.enabled=false", "more than 1 needs leaderElection.enabled"),
        ("image.name=x", "'name' not allowed"),
        ("image.digest=latest", "/image/digest"),
        ("image.tag=a tag", "/image/tag"),
        ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
        ("watchNamespace=Team_A", "/watchNamespace"),
        ("log.format=xml", "/log/format"),
        ("crds.enabled=1", "/crds/enabled"),
    ] {
        let refused = render(server, &["--set", value]).expect_err(value);
        assert!(refused.contains(named), "{value}: {refused}");
    }
}

#[tokio::test]
async fn it_can_be_a_part_of_another_chart() {
    let server = ApiServer::shared().await;
    let folder = tempfile::tempdir().expect("a folder");
    let dependency = "name: eventpipeline\n    version: '*'\n    condition: eventpipeline.enabled";
    let chart = format!("apiVersion: v2\nname: whole\nversion: 1.0.0\ndependencies:\n  - {dependency}\n");
    fs::write(folder.path().join("Chart.yaml"), chart).expect("a chart");
    let values =
        "global: {imageRegistry: r.example.com}\neventpipeline: {enabled: true, log: {format: text}}\n";
    fs::write(folder.path().join("values.yaml"), values).expect("values");
    copy(&repository("charts/eventpipeline"), &folder.path().join("charts/eventpipeline"));

    let rendered = server.helm(["template", "whole", text(folder.path())]).expect("it renders");
    assert!(rendered.contains("name: whole-eventpipeline-operator"), "{rendered}");
    let off = server.helm(["template", "whole", text(folder.path()), "--set", "eventpipeline.enabled=false"]);
    assert_eq!(off.expect("it renders").trim(), "");
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
