//! Installing, uninstalling and installing again keeps the pipelines.

use eventpipeline_testkit::ApiServer;

use crate::{DEFINITION, Helm, NAMESPACE, chart, define, established, install, repository, text, yaml_files};

#[tokio::test]
async fn pipelines_survive_the_release_and_the_next_one_adopts_them() {
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
        // Deleting the CRD would delete its pipelines after a moment.
        let leaving = server.kubectl(["get", DEFINITION, "-o", "jsonpath={.metadata.deletionTimestamp}"]);
        assert_eq!(leaving.as_deref(), Ok(""), "{helm:?}");
        server.kubectl(["get", "eventpipeline", "minimal"]).expect("the pipeline stays");
        let operator = server.kubectl(["get", "deployment", "-n", NAMESPACE, "-o", "name"]);
        assert_eq!(operator.expect("a list").trim(), "");

        helm.install(&server, &chart(), &[]).expect("an installation over the remaining objects");
        server.kubectl(["get", "eventpipeline", "minimal"]).expect("the pipeline stays");
    }
}

#[tokio::test]
async fn uninstalling_removes_the_crd_only_on_request() {
    let server = ApiServer::start().await;
    let notes = install(&server, &["--set", "crds.keep=false"]).expect("an installation");
    assert!(notes.contains("WARNING: crds.keep=false"), "{notes}");
    established(&server);
    Helm::V4.uninstall(&server).expect("no release");
    server.kubectl(["wait", "--for=delete", "--timeout=60s", DEFINITION]).expect("the CRD is deleted");
}

#[tokio::test]
async fn every_example_is_accepted() {
    let server = ApiServer::start().await;
    define(&server);
    for example in yaml_files(&repository("examples")) {
        let apply =
            ["apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", text(&example)];
        server.kubectl(apply).expect("the example is valid");
    }
}
