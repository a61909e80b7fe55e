//! Defaults of the API server, and changes of a pipeline that it refuses.

use eventpipeline_crds::EventPipelineSpec;
use serde_json::{Value, json};

use super::cluster::{Cluster, value};

#[tokio::test]
async fn an_empty_spec_is_stored_with_its_defaults() {
    let cluster = Cluster::new("defaults").await;
    let stored = cluster.apply("demo", json!({})).await.unwrap();
    let by_types: EventPipelineSpec = serde_json::from_value(json!({})).unwrap();
    assert_eq!(stored.spec, by_types);
    assert_eq!(
        value(&stored.spec),
        json!({
            "suspend": false,
            "database": {"managed": {
                "image": "mysql:9.7",
                "storage": {"size": "10Gi", "accessMode": "ReadWriteOncePod"},
                "deletionPolicy": "Retain",
                "resources": resources(["100m", "2"], ["512Mi", "2Gi"]),
                "passwordGeneration": 1,
            }},
            "schemaJob": {"resources": resources(["50m", "500m"], ["64Mi", "256Mi"])},
            "producers": [{
                "name": "default",
                "contract": "Current",
                "resources": resources(["50m", "1"], ["64Mi", "256Mi"]),
                "terminationGracePeriodSeconds": 30,
            }],
            "consumers": [{
                "name": "default",
                "suspend": false,
                "contract": "Current",
                "handler": {"words": {}},
                "concurrency": 16,
                "leaseSeconds": 60,
                "maxAttempts": 25,
                "backoff": {"initialSeconds": 1, "maxSeconds": 600},
                "resources": resources(["50m", "1"], ["64Mi", "256Mi"]),
                "terminationGracePeriodSeconds": 60,
            }],
            "retention": {"doneSeconds": 604_800, "deadSeconds": 2_592_000},
            "networkPolicy": {"mode": "Enabled"},
        })
    );
}

fn resources(cpu: [&str; 2], memory: [&str; 2]) -> Value {
    json!({
        "requests": {"cpu": cpu[0], "memory": memory[0]},
        "limits": {"cpu": cpu[1], "memory": memory[1]},
    })
}

#[tokio::test]
async fn a_stored_default_is_not_merged_with_a_later_apply() {
    let cluster = Cluster::new("defaults-replaced").await;
    cluster.apply("demo", json!({"route": {"ingress": {"anyHost": true}}})).await.unwrap();
    let stored = cluster
        .apply(
            "demo",
            json!({
                "producers": [{"name": "web"}],
                "consumers": [{"name": "default", "handler": {"wordApi": {"url": "http://words/api"}}}],
                "route": {"httpRoute": {"parentRefs": [{"name": "g"}], "hostnames": ["a.example"]}},
            }),
        )
        .await
        .unwrap();
    let spec = value(&stored.spec);
    let producers = spec["producers"].as_array().unwrap();
    assert_eq!((producers.len(), &producers[0]["name"]), (1, &json!("web")));
    assert_eq!(spec["consumers"][0]["handler"], json!({"wordApi": {"url": "http://words/api"}}));
    let gateway =
        json!({"parentRefs": [{"name": "g"}], "hostnames": ["a.example"], "anyHost": false, "path": "/"});
    assert_eq!(spec["route"], json!({"httpRoute": gateway, "operations": false}));
}

#[tokio::test]
async fn a_volume_can_grow_and_is_otherwise_immutable() {
    let cluster = Cluster::new("storage").await;
    let storage = async |storage: Value| {
        cluster.apply("demo", json!({"database": {"managed": {"storage": storage}}})).await
    };
    storage(json!({"size": "2Gi"})).await.unwrap();
    storage(json!({"size": "3Gi"})).await.unwrap();
    storage(json!({"size": "3072Mi"})).await.unwrap();
    for (changed, expected) in [
        (json!({"size": "2Gi"}), "`size` must not decrease: a volume cannot shrink"),
        (json!({"size": "3Gi", "className": "fast"}), "`className` must not change"),
        (json!({"size": "3Gi", "accessMode": "ReadWriteOnce"}), "`accessMode` must not change"),
    ] {
        let error = storage(changed).await.unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    cluster
        .apply("demo", json!({"database": {"managed": {"image": "mysql:9.7.1", "storage": {"size": "3Gi"}}}}))
        .await
        .unwrap();
}

#[tokio::test]
async fn the_kind_of_database_is_immutable() {
    let cluster = Cluster::new("database-kind").await;
    cluster.apply("demo", json!({})).await.unwrap();
    let external = json!({"database": {"external": {"secretName": "mysql"}}});
    let error = cluster.apply("demo", external).await.unwrap_err();
    assert!(error.contains("`database` must not change between `managed` and `external`"), "{error}");
}
