//! Installing, uninstalling and installing again keeps the pipelines.

use std::fs;

use eventpipeline_testkit::ApiServer;

use crate::{NAMESPACE, install, repository, text};

const DEFINITION: &str = "crd/eventpipelines.eventpipeline.dev";

#[tokio::test]
async fn pipelines_outlive_the_release_and_the_next_one_adopts_them() {
    let server = ApiServer::start().await;
    let notes = install(&server, &[]).expect("an installation");
    assert!(notes.contains("kubectl wait -n default --for=condition=Ready eventpipeline/demo"), "{notes}");
    established(&server);
    let example = repository("examples/minimal.yaml");
    server.kubectl(["apply", "-f", text(&example)]).expect("a pipeline");

    server.helm(["uninstall", "eventpipeline", "--namespace", NAMESPACE]).expect("no release");
    // A definition on its way out takes its pipelines with it, a moment later.
    let leaving = server.kubectl(["get", DEFINITION, "-o", "jsonpath={.metadata.deletionTimestamp}"]);
    assert_eq!(leaving.as_deref(), Ok(""));
    server.kubectl(["get", "eventpipeline", "minimal"]).expect("the pipeline stays");
    let operator = server.kubectl(["get", "deployment", "-n", NAMESPACE, "-o", "name"]);
    assert_eq!(operator.expect("a list").trim(), "");

    install(&server, &[]).expect("an installation over what has stayed");
    server.kubectl(["get", "eventpipeline", "minimal"]).expect("the pipeline stays");
}

#[tokio::test]
async fn every_example_is_accepted() {
    let server = ApiServer::start().await;
    install(&server, &[]).expect("an installation");
    established(&server);
    let examples =
        fs::read_dir(repository("examples")).expect("a folder").map(|entry| entry.expect("an entry").path());
    for example in examples.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")) {
        let apply =
            ["apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", text(&example)];
        server.kubectl(apply).expect("the example is right");
    }
}

fn established(server: &ApiServer) {
    server
        .kubectl(["wait", "--for=condition=Established", "--timeout=30s", DEFINITION])
        .expect("the definition");
}
