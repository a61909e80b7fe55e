//! Users and groups that OpenShift chooses.

use eventpipeline_testkit::ApiServer;
use serde_json::{Value, json};

use crate::{object, objects, render};

/// Declares the API that OpenShift serves.
const SERVED: &str = "--api-versions=security.openshift.io/v1";

/// Returns the security contexts of the pods, and the operator's setting for the pods of pipelines.
async fn rendered(arguments: &[&str]) -> ([Value; 2], Value) {
    let server = ApiServer::shared().await;
    let set = ["--set", "podSecurityContext.fsGroup=65532"];
    let rendered = objects(&render(server, &[&set[..], arguments].concat()).expect("it renders"));
    let operator =
        object(&rendered, "Deployment", "eventpipeline-operator")["spec"]["template"]["spec"].clone();
    let test = object(&rendered, "Pod", "eventpipeline-test")["spec"].clone();
    let variables = operator["containers"][0]["env"].as_array().expect("variables").clone();
    let setting = variables.into_iter().find(|variable| variable["name"] == "USER_IDS");
    let setting = setting.map_or(Value::Null, |variable| variable["value"].clone());
    ([operator, test].map(|pod| pod["securityContext"].clone()), setting)
}

#[tokio::test]
async fn users_and_groups_are_left_to_openshift() {
    let free = json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
    let chosen: [&[&str]; 2] = [&["--set", "openshift.enabled=true"], &[SERVED]];
    for arguments in chosen {
        let (contexts, setting) = rendered(arguments).await;
        assert_eq!(contexts, [free.clone(), free.clone()], "{arguments:?}");
        assert_eq!(setting, "platform", "{arguments:?}");
    }
    let fixed: [&[&str]; 2] = [&[], &[SERVED, "--set", "openshift.enabled=false"]];
    for arguments in fixed {
        let (contexts, setting) = rendered(arguments).await;
        for context in contexts {
            for id in ["runAsUser", "runAsGroup", "fsGroup"] {
                assert_eq!(context[id], 65532, "{arguments:?}");
            }
        }
        assert_eq!(setting, Value::Null, "{arguments:?}");
    }
}
