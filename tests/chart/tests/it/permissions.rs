//! The operator may do what it does and nothing else; Kubernetes itself is asked.

use eventpipeline_testkit::ApiServer;

use crate::{OPERATOR, install};

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
