//! Whatever is set, Kubernetes takes what is rendered, in a namespace that enforces restricted pods, without a warning.

use std::fs;

use eventpipeline_testkit::ApiServer;

use crate::{NAMESPACE, render, repository, text};

const DIGEST: &str = "image.digest=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const VARIANTS: &[&[&str]] = &[
    &[],
    &["--set", "crds.enabled=false"],
    &["--set", "watchNamespace=team"],
    &["--set", "replicas=1,leaderElection.enabled=false"],
    &["--set", "replicas=3,leaderElection.leaseSeconds=30"],
    &["--set", "rbac.create=false,rbac.aggregate=false,serviceAccount.create=false"],
    &["--set", "serviceAccount.name=somebody,serviceAccount.annotations.example\\.com/role=r"],
    &["--set", "image.repository=registry.example.com:5000/team/eventpipeline,image.tag=1.2.3"],
    &["--set", DIGEST, "--set", "image.pullPolicy=Always,image.pullSecrets={one,two}"],
    &["--set", "log.format=text,log.filter=warn\\,eventpipeline_operator=debug"],
    &[
        "--set",
        "fullnameOverride=a-name-that-is-far-too-long-for-what-is-still-to-be-put-behind-it-by-the-chart",
    ],
    &["--set", "nameOverride=pipes,priorityClassName=system-cluster-critical,nodeSelector.disk=ssd"],
    &[
        "--set",
        "podLabels.team=blue,podAnnotations.note=here",
        "--set-json",
        r#"tolerations=[{"key":"a","operator":"Exists"}]"#,
    ],
    &["--set-json", r#"affinity={"nodeAffinity":{}}"#, "--set-json", "resources=null"],
];

#[tokio::test]
async fn kubernetes_takes_every_variant_without_a_warning() {
    let server = ApiServer::start().await;
    for namespace in [NAMESPACE, "team"] {
        server.kubectl(["create", "namespace", namespace]).expect("a namespace");
    }
    let levels =
        ["pod-security.kubernetes.io/enforce=restricted", "pod-security.kubernetes.io/warn=restricted"];
    server.kubectl(["label", "namespace", NAMESPACE, levels[0], levels[1]]).expect("restricted pods");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rendered.yaml");
    for variant in VARIANTS {
        let rendered = render(&server, variant).expect("the chart renders");
        fs::write(&file, &rendered).expect("a file");
        let applied =
            ["apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", text(&file)];
        let answer =
            server.kubectl(applied).unwrap_or_else(|error| panic!("{variant:?}: {error}\n{rendered}"));
        assert_eq!(
            answer.contains("customresourcedefinition"),
            !variant.contains(&"crds.enabled=false"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn helm_finds_nothing_to_say_about_it() {
    let server = ApiServer::shared().await;
    server.helm(["lint", "--strict", text(&repository("charts/eventpipeline"))]).expect("no finding");
}

#[tokio::test]
async fn operator_and_pipelines_run_the_image_that_was_asked_for() {
    let server = ApiServer::shared().await;
    let tag = render(server, &["--set", "image.repository=r.example.com/ep,image.tag=v2"]).expect("rendered");
    assert_eq!(tag.matches("\"r.example.com/ep:v2\"").count(), 2, "{tag}");
    let digest = render(server, &["--set", DIGEST, "--set", "image.tag=v2"]).expect("rendered");
    assert_eq!(digest.matches("\"eventpipeline@sha256:0123456789abcdef").count(), 2, "{digest}");
    let stock = render(server, &[]).expect("rendered");
    let release = concat!("\"eventpipeline:", env!("CARGO_PKG_VERSION"), "\"");
    assert_eq!(
        stock.matches(release).count(),
        2,
        "the chart's appVersion is not that of the crates: {stock}"
    );
}
