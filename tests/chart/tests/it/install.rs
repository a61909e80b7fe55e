//! Installing, uninstalling and installing again keeps the pipelines.

use eventpipeline_testkit::ApiServer;

use crate::{DEFINITION, Helm, NAMESPACE, chart, define, established, install, repository, text, yaml_files};

#[tokio::test]
async fn pipelines_outlive_the_release_and_the_next_one_adopts_them() {
    for helm in [Helm::V3, Helm::V4] {
        let server = ApiServer::start().await;
        let notes = helm.install(&server, &chart(), &[]).expect("an installation");
        assert!(
            notes.contains("kubectl wait -n default --for=condition=Ready eventpipeline/demo"),
            "{notes}"
        );
        established(&server);
        let example = repository("examples/minimal.yaml");
        server.kubectl(["apply", "-f", text(&example)]).expect("a pipeline");

        helm.uninstall(&server).expect("no release");
        // A definition on its way out takes its pipelines with it, a moment later.
        let leaving = server.kubectl(["get", DEFINITION, "-o", "jsonpath={.metadata.deletionTimestamp}"]);
        assert_eq!(leaving.as_deref(), Ok(""), "{helm:?}");
        server.kubectl(["get", "eventpipeline", "minimal"]).expect("the pipeline stays");
        let operator = server.kubectl(["get", "deployment", "-n", NAMESPACE, "-o", "name"]);
        assert_eq!(operator.expect("a list").trim(), "");

        helm.install(&server, &chart(), &[]).expect("an installation over what has stayed");
        server.kubectl(["get", "eventpipeline", "minimal"]).expect("the pipeline stays");
    }
}

#[tokio::test]
async fn the_definition_goes_with_the_release_only_if_that_is_asked_for() {
    let server = ApiServer::start().await;
    let notes = install(&server, &["--set", "crds.keep=false"]).expect("an installation");
    assert!(notes.contains("WARNING: crds.keep=false"), "{notes}");
    established(&server);
    Helm::V4.uninstall(&server).expect("no release");
    server.kubectl(["wait", "--for=delete", "--timeout=60s", DEFINITION]).expect("the definition goes");
}

#[tokio::test]
async fn every_example_is_accepted() {
    let server = ApiServer::start().await;
    define(&server);
    for example in yaml_files(&repository("examples")) {
        let apply =
            ["apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", text(&example)];
        server.kubectl(apply).expect("the example is right");
    }
}
