//! The kit's Kubernetes API as the operator's tests use it.

use eventpipeline_testkit::ApiServer;

#[tokio::test]
async fn objects_are_stored_validated_and_guarded() {
    let server = ApiServer::start().await;
    server.kubectl(["create", "namespace", "a"]).expect("a namespace");
    server.kubectl(["create", "configmap", "-n", "a", "c", "--from-literal=k=v"]).expect("a ConfigMap");
    let value = server.kubectl(["get", "configmap", "-n", "a", "c", "-o", "jsonpath={.data.k}"]);
    assert_eq!(value.as_deref(), Ok("v"));

    let refused = server.kubectl(["create", "configmap", "-n", "a", "Not_A_Name"]).expect_err("a bad name");
    assert!(refused.contains("Invalid value: \"Not_A_Name\""), "{refused}");

    let guarded =
        server.kubectl(["auth", "can-i", "get", "secrets", "--as", "system:serviceaccount:a:default"]);
    assert!(guarded.expect_err("RBAC is on").contains("no"));
    let role = server.kubectl(["get", "clusterrole", "edit", "-o", "name"]);
    assert_eq!(role.as_deref().map(str::trim), Ok("clusterrole.rbac.authorization.k8s.io/edit"));
}

#[tokio::test]
async fn a_shared_server_is_one_server() {
    let (one, other) = tokio::join!(ApiServer::shared(), ApiServer::shared());
    assert_eq!(one.url(), other.url());
    assert!(one.kubeconfig().exists());
}
