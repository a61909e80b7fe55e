//! Starts with missing prerequisites.

use eventpipeline_crds::EventPipeline;
use eventpipeline_testkit::ApiServer;
use kube::Api;
use serde_json::{Value, json};

use super::cluster::{client, install_definition, install_role, until};
use super::operator::Operator;

/// On a server of its own: the definition is installed late, and without validation rules.
#[tokio::test]
async fn it_waits_for_the_definition_and_reports_specs_that_break_rules() {
    let server = ApiServer::start().await;
    install_role(&server).await;
    let operator = Operator::start(&server, "default");
    until("the reason for the missing readiness", async || {
        operator
            .get("/readyz")
            .filter(|text| text.contains("eventpipelines.eventpipeline.dev is not installed"))
    })
    .await;
    assert!(operator.get("/livez").unwrap().contains(" 200 "));

    install_definition(&server);
    let lax = json!([{"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec", "value": {
        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
    }}]);
    server
        .kubectl(["patch", "crd", "eventpipelines.eventpipeline.dev", "--type=json", "-p", &lax.to_string()])
        .unwrap();
    operator.becomes_ready().await;

    let client = client(&server).await;
    let stalled = async |name: &str, spec: Value, expected: &str| {
        let object = json!({
            "apiVersion": "eventpipeline.dev/v1alpha1", "kind": "EventPipeline",
            "metadata": {"name": name, "namespace": "default"}, "spec": spec,
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), object.to_string()).unwrap();
        until("a definition without rules", async || {
            server.kubectl(["create", "-f", file.path().to_str().unwrap()]).ok()
        })
        .await;
        // As plain JSON, because the type can't represent the second spec.
        let pipelines = Api::<kube::api::DynamicObject>::namespaced_with(
            client.clone(),
            "default",
            &kube::api::ApiResource::erase::<EventPipeline>(&()),
        );
        let message = until(format!("{name} to stall"), async || {
            let object = pipelines.get(name).await.unwrap();
            let conditions = object.data["status"]["conditions"].as_array()?.clone();
            let stalled = conditions.into_iter().find(|condition| condition["type"] == "Stalled")?;
            (stalled["status"] == "True").then(|| stalled["message"].as_str().unwrap().to_owned())
        })
        .await;
        assert!(message.contains(expected), "{message}");
    };
    stalled(
        "known",
        json!({"producers": [{"name": "a"}, {"name": "a"}]}),
        "`producers` must have distinct names",
    )
    .await;
    stalled("unknown", json!({"producers": "many"}), "this version of the operator can't read the spec")
        .await;
    assert_eq!(operator.reconciles("error"), 0);
}
