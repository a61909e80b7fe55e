//! An EventPipeline as a part of the release, and what `helm test` does with it.

use std::process::Command;

use eventpipeline_testkit::ApiServer;

use crate::{DEFINITION, Helm, KNOWN, NAMESPACE, chart, established, object, objects, render};

const ENABLED: [&str; 2] = ["--set", "pipeline.enabled=true,pipeline.name=orders,pipeline.spec.suspend=true"];

#[tokio::test]
async fn a_pipeline_comes_with_an_upgrade_and_goes_with_the_release() {
    for helm in [Helm::V3, Helm::V4] {
        let server = ApiServer::start().await;
        let refused = helm.install(&server, &chart(), &ENABLED).expect_err("nothing knows EventPipelines");
        assert!(refused.contains("Install with pipeline.enabled=false first"), "{refused}");
        assert!(server.kubectl(["get", DEFINITION]).is_err(), "nothing of it is installed");

        helm.install(&server, &chart(), &[]).expect("an installation");
        established(&server);
        let notes = helm.upgrade(&server, &chart(), &ENABLED).expect("an upgrade");
        assert!(notes.contains("service/orders-producers"), "{notes}");
        let spec = ["get", "-n", NAMESPACE, "eventpipeline", "orders", "-o", "jsonpath={.spec.suspend}"];
        assert_eq!(server.kubectl(spec).as_deref(), Ok("true"));

        helm.uninstall(&server).expect("no release");
        server.kubectl(["get", DEFINITION]).expect("the definition stays");
        assert!(server.kubectl(spec).is_err(), "the pipeline stays");
    }
}

#[tokio::test]
async fn a_pipeline_that_nobody_would_run_is_refused() {
    let server = ApiServer::shared().await;
    let elsewhere = "pipeline.enabled=true,watchNamespace=team,pipeline.namespace=other";
    let refused = render(server, &[KNOWN, "--set", elsewhere]).expect_err("nobody looks there");
    assert!(refused.contains("in team only (watchNamespace), not in other"), "{refused}");
    let rendered = render(server, &[KNOWN, "--set", "pipeline.enabled=true,watchNamespace=team"]);
    let pipeline = object(&objects(&rendered.expect("it renders")), "EventPipeline", "demo");
    assert_eq!(pipeline["metadata"]["namespace"], "team");
}

#[tokio::test]
async fn the_tool_understands_what_helm_test_asks_of_it() {
    let server = ApiServer::shared().await;
    let set = "pipeline.enabled=true,test.timeout=1s";
    let rendered = objects(&render(server, &[KNOWN, "--set", set]).expect("it renders"));
    let pod = object(&rendered, "Pod", "eventpipeline-test");
    let containers = pod["spec"]["containers"].as_array().expect("containers");
    assert_eq!(containers.len(), 2);
    for container in containers {
        let words = [&container["command"], &container["args"]].map(|words| words.as_array().expect("words"));
        let words: Vec<_> = words.into_iter().flatten().map(|word| word.as_str().expect("a word")).collect();
        let program = crate::scanners::program(words[0].trim_start_matches('/'));
        let output = Command::new(program).args(&words[1..]).output().expect("a run");
        // Outside of a cluster nobody answers; 2 would be arguments that are wrong.
        assert_eq!(output.status.code(), Some(4), "{words:?}: {output:?}");
    }
}

#[tokio::test]
async fn what_is_tested_depends_on_what_there_is() {
    let server = ApiServer::shared().await;
    let pod = |arguments: &[&str]| {
        let rendered = objects(&render(server, arguments).expect("it renders"));
        let pod = rendered.into_iter().find(|object| object["kind"] == "Pod")?;
        let names = pod["spec"]["containers"].as_array().expect("containers").clone();
        Some(names.into_iter().map(|container| container["name"].clone()).collect::<Vec<_>>())
    };
    assert_eq!(pod(&[]), Some(vec!["operator".into()]));
    let only_pipeline = ["--set", "pipeline.enabled=true,service.enabled=false", KNOWN];
    assert_eq!(pod(&only_pipeline), Some(vec!["pipeline".into()]));
    assert_eq!(pod(&["--set", "service.enabled=false"]), None);
    assert_eq!(pod(&["--set", "test.enabled=false"]), None);
}
