//! The operator's permissions by access reviews: what it needs, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use eventpipeline_testkit::{ApiServer, until};
use serde_json::{Value, json};

use crate::{NAMESPACE, OPERATOR, install, repository, text};

/// Permissions that would let the operator, or an attacker that controls it, reach further than pipelines.
const FORBIDDEN: &[(&str, &str)] = &[
    ("get", "secrets"),
    ("list", "secrets"),
    ("watch", "secrets"),
    ("patch", "secrets"),
    ("delete", "secrets"),
    ("create", "pods"),
    ("delete", "pods"),
    ("update", "leases.coordination.k8s.io"),
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
    ("patch", "pods"),
    ("list", "events"),
    ("create", "events.events.k8s.io"),
];

/// Creates an access review. `kubectl auth can-i` knows only installed resources.
fn may(server: &ApiServer, (verb, resource): (&str, &str), namespace: &str) -> bool {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let (resource, group) =
        resource.split_once('.').unwrap_or((resource, if resource == "*" { "*" } else { "" }));
    let asked = json!({"verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": namespace});
    allowed(server, &asked)
}

/// Returns true if the operator has a permission, given as `resourceAttributes`.
fn allowed(server: &ApiServer, asked: &Value) -> bool {
    allowed_to(server, OPERATOR, asked)
}

fn allowed_to(server: &ApiServer, user: &str, asked: &Value) -> bool {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": asked},
    });
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), review.to_string()).expect("a review");
    let asked = ["create", "-f", text(file.path()), "-o", "jsonpath={.status.allowed}"];
    server.kubectl(asked).expect("an answer") == "true"
}

/// Waits until a condition holds, because the server applies new roles and bindings after a moment.
async fn soon(is: impl Fn() -> bool) -> bool {
    until(Duration::from_mins(2), async || is().then_some(())).await.is_some()
}

#[tokio::test]
async fn for_all_namespaces_it_has_exactly_the_needed_permissions() {
    let server = ApiServer::start().await;
    install(&server, &[]).expect("an installation");
    for rule in NEEDED {
        assert!(soon(|| may(&server, *rule, "default")).await, "it may not {rule:?}");
    }
    for rule in FORBIDDEN {
        assert!(!may(&server, *rule, "default"), "it may {rule:?}");
    }
}

#[tokio::test]
async fn it_may_write_its_own_lease_only() {
    let server = ApiServer::start().await;
    install(&server, &[]).expect("an installation");
    let may = |verb: &str, name: &str| {
        let asked = json!({
            "verb": verb, "group": "coordination.k8s.io", "resource": "leases", "name": name, "namespace": NAMESPACE,
        });
        allowed(&server, &asked)
    };
    // RBAC cannot restrict the creation of an object by its name.
    for (verb, name) in
        [("get", "eventpipeline-operator"), ("update", "eventpipeline-operator"), ("create", "")]
    {
        assert!(soon(|| may(verb, name)).await, "it may not {verb}");
    }
    for (verb, name) in [("update", "another"), ("list", ""), ("delete", "eventpipeline-operator")] {
        assert!(!may(verb, name), "it may {verb} {name}");
    }
}

#[tokio::test]
async fn for_some_namespaces_it_has_no_permissions_elsewhere() {
    let server = ApiServer::start().await;
    for namespace in ["team", "more"] {
        server.kubectl(["create", "namespace", namespace]).expect("a namespace");
    }
    install(&server, &["--set", "watchNamespaces={team,more}"]).expect("an installation");
    for rule in NEEDED {
        for namespace in ["team", "more"] {
            assert!(soon(|| may(&server, *rule, namespace)).await, "it may not {rule:?} in {namespace}");
        }
        assert!(!may(&server, *rule, "default"), "it may {rule:?} elsewhere");
    }
}

#[tokio::test]
async fn it_has_the_permissions_of_its_own_tests() {
    let server = ApiServer::shared().await;
    install(server, &[]).expect("an installation");
    server
        .kubectl(["apply", "-f", text(&repository("operator/tests/it/role.yaml"))])
        .expect("the tests' role");
    let granted = rules(server, "eventpipeline-operator");
    let tested = rules(server, "eventpipeline-operator-test");
    assert_eq!(tested.difference(&granted).collect::<Vec<_>>(), Vec::<&String>::new());
    // Only an optional admission plugin requires it.
    let more: Vec<_> = granted.difference(&tested).collect();
    assert_eq!(more, [&r#"["eventpipeline.dev"] ["eventpipelines/finalizers"] ["update"]"#.to_owned()]);
}

/// Grants a user in `default` the roles that an aggregated `ClusterRole` consists of, which a controller would do in a cluster.
fn grant(server: &ApiServer, role: &str) {
    let selectors =
        ["get", "clusterrole", role, "-o", "jsonpath={.aggregationRule.clusterRoleSelectors[*].matchLabels}"];
    let selectors: Value =
        serde_json::from_str(&server.kubectl(selectors).expect("the cluster's role")).expect("one selector");
    let label = selectors.as_object().and_then(|labels| labels.iter().next()).expect("a label");
    let selector = format!("{}={}", label.0, label.1.as_str().expect("a text"));
    let parts = server.kubectl(["get", "clusterrole", "-l", &selector, "-o", "name"]).expect("roles");
    for part in parts.lines().filter_map(|name| name.split('/').next_back()) {
        let binding = format!("{role}-{}", part.replace(':', "-"));
        let role = format!("--clusterrole={part}");
        let user = format!("--user=with-{}", label.0.rsplit('-').next().expect("a name"));
        server
            .kubectl(["create", "rolebinding", &binding, &role, &user, "-n", "default"])
            .expect("a binding");
    }
}

#[tokio::test]
async fn view_edit_and_admin_extend_to_pipelines() {
    let server = ApiServer::start().await;
    let may = |role: &str, verb: &str, resource: &str, namespace: &str| {
        let asked =
            json!({"verb": verb, "group": "eventpipeline.dev", "resource": resource, "namespace": namespace});
        allowed_to(&server, &format!("with-{role}"), &asked)
    };
    install(&server, &[]).expect("an installation");
    for role in ["view", "edit", "admin"] {
        grant(&server, role);
        for verb in ["get", "list", "watch"] {
            assert!(soon(|| may(role, verb, "eventpipelines", "default")).await, "{role} may not {verb}");
        }
        for verb in ["create", "update", "patch", "delete", "deletecollection"] {
            let it_may = || may(role, verb, "eventpipelines", "default");
            let is_right = if role == "view" { !it_may() } else { soon(it_may).await };
            assert!(is_right, "{role}: {verb}");
        }
        assert!(!may(role, "get", "eventpipelines", "other"), "{role} elsewhere");
        assert!(!may(role, "patch", "eventpipelines/status", "default"), "status is the operator's");
    }
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
