//! The permissions of the operator.

use super::cluster::Cluster;

/// Permissions that would let the operator, or an attacker who controls it, reach further than pipelines.
const NEVER: &[(&str, &[&str])] = &[
    ("secrets", &["get", "list", "watch", "update", "patch", "delete", "deletecollection"]),
    ("configmaps", &["get", "list", "watch", "create", "update", "patch", "delete"]),
    ("pods", &["get", "create", "update", "delete", "deletecollection"]),
    ("pods/exec", &["create", "get"]),
    ("pods/log", &["get"]),
    ("persistentvolumeclaims", &["create", "delete", "update"]),
    ("statefulsets.apps", &["delete", "deletecollection", "update"]),
    ("services", &["delete", "update"]),
    ("eventpipelines.eventpipeline.dev", &["create", "update", "patch", "delete"]),
    ("serviceaccounts", &["create", "get", "impersonate"]),
    ("serviceaccounts/token", &["create"]),
    ("roles.rbac.authorization.k8s.io", &["create", "bind", "escalate"]),
    ("clusterrolebindings.rbac.authorization.k8s.io", &["create"]),
    ("customresourcedefinitions.apiextensions.k8s.io", &["create", "patch", "delete"]),
    ("nodes", &["list", "get"]),
    ("namespaces", &["list", "get", "delete"]),
];

/// The tests' operators have this role, so a missing permission fails other tests. This test checks the
/// excess.
#[tokio::test]
async fn secrets_are_created_and_never_read() {
    let cluster = Cluster::new("role").await;
    let can = |verb: &str, resource: &str| {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let subresource = format!("--subresource={subresource}");
        let user = "--as=eventpipeline-operator";
        cluster.server.kubectl(["auth", "can-i", verb, resource, &subresource, user, "-n", "role"]).is_ok()
    };
    assert!(can("create", "secrets"));
    for (resource, verbs) in NEVER {
        for verb in *verbs {
            assert!(!can(verb, resource), "{verb} {resource}");
        }
    }
}

/// Lists all permissions by the API server.
#[tokio::test]
async fn no_rule_has_a_wildcard() {
    let cluster = Cluster::new("role-list").await;
    let list = ["auth", "can-i", "--list", "--no-headers", "--as=eventpipeline-operator", "-n", "role-list"];
    let list = cluster.server.kubectl(list).unwrap();
    // Rules for paths start with an empty resource.
    let rules: Vec<_> = list.lines().filter(|line| !line.starts_with(' ')).collect();
    assert!(rules.iter().any(|rule| rule.starts_with("statefulsets.apps ")), "{list}");
    assert!(rules.iter().all(|rule| !rule.contains('*')), "{list}");
}
