//! What the operator may and may not do.

use super::cluster::Cluster;

/// The tests' operators hold this role: what is missing fails them. This is what must be missing.
#[tokio::test]
async fn secrets_are_created_and_never_read() {
    let cluster = Cluster::new("role").await;
    let can = |verb: &str, resource: &str| {
        let user = "--as=eventpipeline-operator";
        cluster.server.kubectl(["auth", "can-i", verb, resource, user, "-n", "role"]).is_ok()
    };
    assert!(can("create", "secrets"));
    for verb in ["get", "list", "watch", "update", "patch", "delete"] {
        assert!(!can(verb, "secrets"), "{verb}");
    }
    for (verb, resource) in
        [("delete", "statefulsets"), ("delete", "persistentvolumeclaims"), ("get", "pods")]
    {
        assert!(!can(verb, resource), "{verb} {resource}");
    }
}
