//! What the API server makes of little input, and of a change of it.

use eventpipeline_crds::EventPipelineSpec;
use serde_json::json;

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
            "database": {"managed": {"image": "mysql:9.7", "storage": {"size": "1Gi"}}},
            "producers": [{"name": "default", "replicas": 2}],
            "consumers": [{"name": "default", "replicas": 2, "suspend": false, "handler": {"words": {}}}],
        })
    );
}

#[tokio::test]
async fn a_default_that_was_stored_is_not_merged_with_what_is_applied_later() {
    let cluster = Cluster::new("defaults-replaced").await;
    cluster.apply("demo", json!({})).await.unwrap();
    let stored = cluster
        .apply(
            "demo",
            json!({
                "producers": [{"name": "web"}],
                "consumers": [{"name": "default", "handler": {"wordApi": {"url": "http://words/api"}}}],
                "route": {"none": {}},
            }),
        )
        .await
        .unwrap();
    let spec = value(&stored.spec);
    assert_eq!(spec["producers"], json!([{"name": "web", "replicas": 2}]));
    assert_eq!(spec["consumers"][0]["handler"], json!({"wordApi": {"url": "http://words/api"}}));
    assert_eq!(spec["route"], json!({"none": {}}));
}

#[tokio::test]
async fn the_storage_stays_as_it_was_created() {
    let cluster = Cluster::new("storage").await;
    cluster.apply("demo", json!({})).await.unwrap();
    for storage in [json!({"size": "2Gi"}), json!({"className": "fast"})] {
        let error =
            cluster.apply("demo", json!({"database": {"managed": {"storage": storage}}})).await.unwrap_err();
        assert!(error.contains("`storage` is immutable: it must stay as it was created"), "{error}");
    }
    cluster.apply("demo", json!({"database": {"managed": {"image": "mysql:9.7.1"}}})).await.unwrap();
}
