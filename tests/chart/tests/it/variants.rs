//! Kubernetes accepts every variant of the chart without a warning, in a namespace that enforces restricted pods.

use std::fs;
use std::path::Path;

use eventpipeline_testkit::ApiServer;
use serde_json::json;

use crate::scanners::rendered_example;
use crate::{
    KNOWN, NAMESPACE, REGISTRY, chart, define, object, objects, render, repository, text, yaml_files,
};

const DIGEST: &str = "image.digest=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Values of all kinds at once.
const EVERY_VALUE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/values.yaml");

const VARIANTS: &[&[&str]] = &[
    &[],
    &["--set", "crds.enabled=false"],
    &["--set", "watchNamespaces={team}"],
    &["--set", "watchNamespaces={team,more}"],
    &["--set", "openshift.enabled=true"],
    &["--set", "replicas=1,leaderElection.enabled=false"],
    &["--set", "replicas=3,leaderElection.leaseSeconds=30"],
    &["--set", "rbac.create=false,rbac.aggregate=false,serviceAccount.create=false"],
    &["--set", "serviceAccount.name=someone,serviceAccount.annotations.example\\.com/role=r"],
    &[
        "--set",
        "image.registry=,image.repository=registry.example.com:5000/team/eventpipeline,image.tag=1.2.3",
    ],
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
    &["--set", "crds.keep=false,podDisruptionBudget.enabled=false,service.enabled=false,test.enabled=false"],
    &[
        "--set",
        "commonLabels=null,commonAnnotations=null,podLabels=null,podAnnotations=null,global.imagePullSecrets=null",
    ],
    &["--set", "livenessProbe=null,readinessProbe=null,podSecurityContext.runAsGroup=null,hostUsers=true"],
    &["--set", "networkPolicy.enabled=false,serviceAccount.automount=true"],
    &["--set", "networkPolicy.metricsNamespaces={monitoring},networkPolicy.apiServerCidrs={10.0.0.0/8}"],
    &["--set", "podSecurityContext.runAsUser=null,podSecurityContext.runAsGroup=null"],
    &[
        "--set",
        "monitoring.podMonitor.enabled=true,monitoring.rules.enabled=true,monitoring.dashboards.enabled=true",
    ],
    &["--set", "monitoring.podMonitor.enabled=true,monitoring.podMonitor.interval=,watchNamespaces={team}"],
    &[KNOWN, "--set", "pipeline.enabled=true,pipeline.namespace=team"],
    &[KNOWN, "--values", EVERY_VALUE],
];

#[tokio::test]
async fn kubernetes_accepts_every_variant_without_a_warning() {
    let server = ApiServer::start().await;
    define(&server);
    restricted(&server, NAMESPACE);
    for namespace in ["team", "more", "monitoring"] {
        server.kubectl(["create", "namespace", namespace]).expect("a namespace");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rendered.yaml");
    for variant in VARIANTS {
        let rendered = render(&server, variant).expect("the chart renders");
        fs::write(&file, &rendered).expect("a file");
        let answer =
            dry_run(&server, &file).unwrap_or_else(|error| panic!("{variant:?}: {error}\n{rendered}"));
        assert_eq!(
            answer.contains("customresourcedefinition"),
            !variant.contains(&"crds.enabled=false"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn kubernetes_accepts_the_rendered_objects_of_each_example() {
    let server = ApiServer::start().await;
    define(&server);
    restricted(&server, "examples");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rendered.yaml");
    for example in yaml_files(&repository("examples")) {
        // Secrets are rendered without data, which some types require.
        let made = objects(&rendered_example(&example, "examples")).into_iter();
        let items: Vec<_> = made.filter(|object| object["kind"] != "Secret").collect();
        fs::write(&file, json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string())
            .expect("a file");
        dry_run(&server, &file).unwrap_or_else(|error| panic!("{}: {error}", example.display()));
    }
}

#[tokio::test]
async fn kubernetes_accepts_the_programs_of_the_examples() {
    let server = ApiServer::start().await;
    define(&server);
    restricted(&server, "examples");
    for program in ["word-service/words.yaml"].map(|file| repository("examples").join(file)) {
        dry_run_of(&server, ["-n", "examples", "-f", text(&program)]).expect("valid objects");
    }
    for language in ["python", "nodejs", "go"] {
        let folder = repository("examples/handlers-on-cluster").join(language);
        let answer = dry_run_of(&server, ["-n", "examples", "-k", text(&folder)]).expect("valid objects");
        for object in ["deployment.apps", "service", "networkpolicy.networking.k8s.io"] {
            assert!(answer.contains(&format!("{object}/orders-handler created")), "{answer}");
        }
        assert!(answer.contains("eventpipeline.eventpipeline.dev/orders created"), "{answer}");
        let rendered = server.kubectl(["kustomize", text(&folder)]).expect("objects");
        assert!(rendered.contains(&format!("image: eventpipeline-handler-{language}:")), "{rendered}");
    }
}

/// Applies a file by a server-side dry run, with unknown fields and warnings as errors.
fn dry_run(server: &ApiServer, file: &Path) -> Result<String, String> {
    dry_run_of(server, ["-f", text(file)])
}

fn dry_run_of<const N: usize>(server: &ApiServer, source: [&str; N]) -> Result<String, String> {
    let dry_run = ["apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors"];
    server.kubectl(dry_run.into_iter().chain(source))
}

/// Creates a namespace that admits restricted pods only, and warns about others.
fn restricted(server: &ApiServer, namespace: &str) {
    let levels =
        ["pod-security.kubernetes.io/enforce=restricted", "pod-security.kubernetes.io/warn=restricted"];
    server.kubectl(["create", "namespace", namespace]).expect("a namespace");
    server.kubectl(["label", "namespace", namespace, levels[0], levels[1]]).expect("restricted pods");
}

#[tokio::test]
async fn helm_lint_has_no_findings() {
    let server = ApiServer::shared().await;
    server.helm(["lint", "--strict", text(&chart()), "--set", REGISTRY]).expect("no finding");
}

#[tokio::test]
async fn operator_pipelines_and_test_run_the_configured_image() {
    let server = ApiServer::shared().await;
    let tag = render(server, &["--set", "image.registry=r.example.com,image.repository=ep,image.tag=v2"])
        .expect("rendered");
    assert_eq!(tag.matches("\"r.example.com/ep:v2\"").count(), 3, "{tag}");
    let digest = render(server, &["--set", DIGEST, "--set", "image.tag=v2"]).expect("rendered");
    assert_eq!(
        digest.matches("\"registry.example.com/team/eventpipeline@sha256:0123456789abcdef").count(),
        3,
        "{digest}"
    );
    let stock = render(server, &[]).expect("rendered");
    let release = concat!("\"registry.example.com/team/eventpipeline:", env!("CARGO_PKG_VERSION"), "\"");
    assert_eq!(
        stock.matches(release).count(),
        3,
        "the chart's appVersion is not that of the crates: {stock}"
    );
}

#[tokio::test]
async fn one_registry_replaces_all_others() {
    let server = ApiServer::shared().await;
    let set = "global.imageRegistry=mirror.example.com/hub/,image.registry=r.example.com,image.tag=v2";
    let rendered = render(server, &["--set", set]).expect("it renders");
    // The image of the operator, of its pipelines, and of the test.
    assert_eq!(rendered.matches("\"mirror.example.com/hub/eventpipeline:v2\"").count(), 3, "{rendered}");
    assert!(!rendered.contains("r.example.com/eventpipeline"));
}

#[tokio::test]
async fn every_object_and_pod_has_the_configured_labels_and_ours() {
    let server = ApiServer::shared().await;
    let rendered = objects(&render(server, &[KNOWN, "--values", EVERY_VALUE]).expect("it renders"));
    let release = rendered.iter().filter(|object| object["kind"] != "ConfigMap");
    for object in release {
        let name = &object["metadata"]["name"];
        let labels = &object["metadata"]["labels"];
        assert_eq!(labels["team"], "blue", "{name}");
        assert_eq!(object["metadata"]["annotations"]["contact"], "#blue", "{name}");
        for ours in ["name", "instance", "managed-by", "version", "part-of"] {
            let label = &labels[format!("app.kubernetes.io/{ours}")];
            assert!(label.is_string() && label != "not-ours", "{name}: {ours} is {label}");
        }
    }
    let deployment = object(&rendered, "Deployment", "eventpipeline-operator");
    let pod = &deployment["spec"]["template"]["metadata"]["labels"];
    assert_eq!(
        [&pod["team"], &pod["tier"], &pod["app.kubernetes.io/instance"]],
        ["blue", "operators", "eventpipeline"]
    );
}
