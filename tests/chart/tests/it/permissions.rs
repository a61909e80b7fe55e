//! The operator may do what it does and nothing else; Kubernetes itself is asked.

use std::collections::BTreeSet;

use eventpipeline_testkit::ApiServer;
use serde_json::Value;

use crate::{OPERATOR, install, repository, text};

/// What would let the operator, or who takes it over, reach further than pipelines.
const FORBIDDEN: &[(&str, &str)] = &[
    ("get", "secrets"),
    ("list", "secrets"),
    ("watch", "secrets"),
    ("patch", "secrets"),
    ("delete", "secrets"),
    ("create", "pods"),
    ("create", "pods/exec"),
    ("get", "configmaps"),
    ("delete", "persistentvolumeclaims"),
    ("delete", "statefulsets.apps"),
    ("patch", "eventpipelines.eventpipeline.dev"),
    ("delete", "eventpipelines.eventpipeline.dev"),
    ("create", "serviceaccounts"),
    ("create", "roles.rbac.authorization.k8s.io"),
    ("patch", "customresourcedefinitions.apiextensions.k8s.io"),
    ("list", "nodes"),
    ("*", "*"),
];

const NEEDED: &[(&str, &str)] = &[
    ("watch", "eventpipelines.eventpipeline.dev"),
    ("patch", "eventpipelines.eventpipeline.dev/status"),
    ("create", "secrets"),
    ("patch", "statefulsets.apps"),
    ("delete", "deployments.apps"),
    ("delete", "jobs.batch"),
    ("patch", "services"),
    ("delete", "ingresses.networking.k8s.io"),
    ("delete", "httproutes.gateway.networking.k8s.io"),
    ("delete", "networkpolicies.networking.k8s.io"),
    ("delete", "poddisruptionbudgets.policy"),
    ("delete", "horizontalpodautoscalers.autoscaling"),
    ("create", "events.events.k8s.io"),
];

fn may(server: &ApiServer, (verb, resource): (&str, &str), namespace: &str) -> bool {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let subresource = format!("--subresource={subresource}");
    let asked = ["auth", "can-i", verb, resource, &subresource, "--as", OPERATOR, "--namespace", namespace];
    match server.kubectl(asked) {
        Ok(_) => true,
        Err(answer) => {
            assert!(answer.lines().any(|line| line == "no"), "{answer}");
            false
        }
    }
}

#[tokio::test]
async fn in_all_namespaces_it_may_do_what_it_needs_and_no_more() {
    let server = ApiServer::start().await;
    install(&server, &[]).expect("an installation");
    for rule in NEEDED {
        assert!(may(&server, *rule, "default"), "it may not {rule:?}");
    }
    for rule in FORBIDDEN {
        assert!(!may(&server, *rule, "default"), "it may {rule:?}");
    }
}

#[tokio::test]
async fn with_one_namespace_it_may_do_nothing_elsewhere() {
    let server = ApiServer::start().await;
    server.kubectl(["create", "namespace", "team"]).expect("a namespace");
    install(&server, &["--set", "watchNamespace=team"]).expect("an installation");
    for rule in NEEDED {
        assert!(may(&server, *rule, "team"), "it may not {rule:?}");
        assert!(!may(&server, *rule, "default"), "it may {rule:?} elsewhere");
    }
}

#[tokio::test]
async fn it_is_granted_what_its_own_tests_run_with() {
    let server = ApiServer::shared().await;
    install(server, &[]).expect("an installation");
    server
        .kubectl(["apply", "-f", text(&repository("operator/tests/it/role.yaml"))])
        .expect("the tests' role");
    let granted = rules(server, "eventpipeline-operator");
    let tested = rules(server, "eventpipeline-operator-test");
    assert_eq!(tested.difference(&granted).collect::<Vec<_>>(), Vec::<&String>::new());
    // Only admission that is not on in every cluster asks for it.
    let more: Vec<_> = granted.difference(&tested).collect();
    assert_eq!(more, [&r#"["eventpipeline.dev"] ["eventpipelines/finalizers"] ["update"]"#.to_owned()]);
}

fn rules(server: &ApiServer, role: &str) -> BTreeSet<String> {
    let json = server.kubectl(["get", "clusterrole", role, "-o", "json"]).expect("the role");
    let role: Value = serde_json::from_str(&json).expect("JSON");
    let rules = role["rules"].as_array().expect("rules");
    rules
        .iter()
        .map(|rule| format!("{} {} {}", rule["apiGroups"], rule["resources"], rule["verbs"]))
        .collect()
}
