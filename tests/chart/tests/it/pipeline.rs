//! An EventPipeline as a part of the release, and `helm test`.

use std::process::Command;
use std::sync::Arc;

use eventpipeline_testkit::{ApiServer, eventually};

use crate::{DEFINITION, Helm, KNOWN, NAMESPACE, chart, established, object, objects, render};

const ENABLED: [&str; 2] = ["--set", "pipeline.enabled=true,pipeline.name=orders,pipeline.spec.suspend=true"];

#[tokio::test]
async fn an_upgrade_adds_a_pipeline_and_uninstalling_removes_it() {
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
async fn a_pipeline_in_an_unwatched_namespace_is_rejected() {
    let server = ApiServer::shared().await;
    let elsewhere = "pipeline.enabled=true,watchNamespaces={team,more},pipeline.namespace=other";
    let refused =
        render(server, &[KNOWN, "--set", elsewhere]).expect_err("no operator watches that namespace");
    assert!(
        refused.contains("only manages pipelines in team, more (watchNamespaces), not in other"),
        "{refused}"
    );
    let rendered = render(server, &[KNOWN, "--set", "pipeline.enabled=true,watchNamespaces={team,more}"]);
    let pipeline = object(&objects(&rendered.expect("it renders")), "EventPipeline", "demo");
    assert_eq!(pipeline["metadata"]["namespace"], "team");
}

#[tokio::test]
async fn the_tool_accepts_the_arguments_of_helm_test() {
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
        // The tool finds no server outside of a cluster. Wrong arguments would exit with 2.
        assert_eq!(output.status.code(), Some(4), "{words:?}: {output:?}");
    }
}

#[tokio::test]
async fn helm_test_reports_and_removes_its_pod() {
    for helm in [Helm::V3, Helm::V4] {
        let server = Arc::new(ApiServer::start().await);
        helm.install(&server, &chart(), &[]).expect("an installation");
        for (phase, proved) in [("Failed", false), ("Succeeded", true)] {
            let tested = tokio::task::spawn_blocking({
                let server = Arc::clone(&server);
                let test = ["test", "eventpipeline", "--namespace", NAMESPACE, "--timeout", "60s"];
                move || helm.run(&server, &test)
            });
            end_pod(&server, phase).await;
            let tested = tested.await.expect("a run");
            assert_eq!(tested.is_ok(), proved, "{helm:?}: {tested:?}");
            // A failed pod stays for its log until the next run.
            let pods = server.kubectl(["get", "pods", "-n", NAMESPACE, "-o", "name"]).expect("a list");
            assert_eq!(pods.is_empty(), proved, "{helm:?}: {pods}");
        }
    }
}

/// Reports the end of the test's pod as a kubelet does, after the pod of the previous run is removed.
async fn end_pod(server: &ApiServer, phase: &str) {
    let pod = ["pod/eventpipeline-test", "-n", NAMESPACE];
    eventually(async || {
        let show = [&["get"], &pod[..], &["-o", "jsonpath={.status.phase}"]].concat();
        (server.kubectl(show).ok()? == "Pending").then_some(())
    })
    .await;
    let status = format!(r#"{{"status": {{"phase": "{phase}"}}}}"#);
    let patch = [&["patch", "--subresource=status", "--type=merge", "--patch", &status], &pod[..]].concat();
    server.kubectl(patch).expect("the pod ends");
}

#[tokio::test]
async fn the_test_covers_the_operator_and_the_pipeline_if_they_exist() {
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
