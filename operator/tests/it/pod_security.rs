//! The API server accepts every pod under the restricted Pod Security standard.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, Namespace, Pod, PodTemplateSpec, Volume};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::cluster::Cluster;
use super::operator::Operator;

/// Admission only warns about a Deployment's template, but refuses pods.
#[tokio::test]
async fn every_pod_is_accepted_under_the_restricted_standard() {
    let cluster = Cluster::new("restricted").await;
    let enforce = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    Api::<Namespace>::all(cluster.client.clone())
        .patch("restricted", &PatchParams::default(), &Patch::Merge(enforce))
        .await
        .unwrap();
    let _operator = Operator::ready(cluster.server, "restricted").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;

    let templates = templates(&cluster).await;
    assert_eq!(templates.len(), 4);
    for template in templates {
        let pod = pod(template);
        let dry_run = PostParams { dry_run: true, ..PostParams::default() };
        cluster.api::<Pod>().create(&dry_run, &pod).await.unwrap();

        let mut privileged = pod;
        privileged.spec.as_mut().unwrap().containers[0].security_context = None;
        let error = cluster.api::<Pod>().create(&dry_run, &privileged).await.unwrap_err();
        assert!(error.to_string().contains("violates PodSecurity"), "{error}");
    }
}

/// An author's volumes and containers in every pod.
#[tokio::test]
async fn sidecars_and_volumes_of_the_author_are_accepted_under_the_restricted_standard() {
    let cluster = Cluster::new("sidecars").await;
    let enforce = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    Api::<Namespace>::all(cluster.client.clone())
        .patch("sidecars", &PatchParams::default(), &Patch::Merge(enforce))
        .await
        .unwrap();
    let _operator = Operator::ready(cluster.server, "sidecars").await;
    let mut pod = json!({
        "serviceAccountName": "default", "imagePullSecrets": [{"name": "registry"}],
        "volumes": [
            {"name": "secret", "secret": {"secretName": "a", "items": [{"key": "a", "path": "b/c"}]}},
            {"name": "config", "configMap": {"name": "a"}},
            {"name": "directory", "emptyDir": {"sizeLimit": "1Mi", "medium": "Memory"}},
            {"name": "projected", "projected": {"sources": [
                {"serviceAccountToken": {"audience": "vault", "path": "token"}}, {"configMap": {"name": "a"}}, {"secret": {"name": "a"}},
            ]}},
            {"name": "csi", "csi": {"driver": "secrets-store.csi.k8s.io", "volumeAttributes": {"a": "b"}, "readOnly": true}},
            {"name": "claim", "persistentVolumeClaim": {"claimName": "a", "readOnly": true}},
        ],
        "volumeMounts": [{"name": "secret", "mountPath": "/secret", "subPath": "b", "readOnly": true}],
    });
    let probe = json!({"exec": {"command": ["true"]}});
    pod["initContainers"] = json!([
        {"name": "first", "image": "a", "securityContext": {"runAsUser": 1000, "readOnlyRootFilesystem": false}},
        {
            "name": "proxy", "image": "a", "restartPolicy": "Always", "command": ["a"], "args": ["b"],
            "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['team']"}}}],
            "volumeMounts": [{"name": "directory", "mountPath": "/tmp"}],
            "startupProbe": probe, "livenessProbe": {"httpGet": {"port": 9801}},
        },
    ]);
    let group = json!([{"name": "a", "pod": pod}]);
    let spec = json!({
        "database": {"managed": {"pod": pod}}, "schemaJob": {"pod": pod}, "producers": group, "consumers": group,
    });
    cluster.apply("demo", spec).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;

    let templates = templates(&cluster).await;
    assert_eq!(templates.len(), 4);
    for template in templates {
        let pod = self::pod(template);
        assert_eq!(pod.spec.as_ref().unwrap().init_containers.as_ref().unwrap().len(), 2);
        let dry_run = PostParams { dry_run: true, ..PostParams::default() };
        cluster.api::<Pod>().create(&dry_run, &pod).await.unwrap();
    }
    // The operator writes nothing to objects that are as they should be.
    cluster.everything_ready("demo").await;
}

async fn templates(cluster: &Cluster) -> Vec<PodTemplateSpec> {
    let all = ListParams::default();
    let stateful_sets = cluster.api::<StatefulSet>().list(&all).await.unwrap();
    let deployments = cluster.api::<Deployment>().list(&all).await.unwrap();
    let jobs = cluster.api::<Job>().list(&all).await.unwrap();
    let databases = stateful_sets.into_iter().map(|object| object.spec.unwrap().template);
    let groups = deployments.into_iter().map(|object| object.spec.unwrap().template);
    let schemas = jobs.into_iter().map(|object| object.spec.unwrap().template);
    databases.chain(groups).chain(schemas).collect()
}

/// Returns a pod of the template, as its controller would create it.
fn pod(template: PodTemplateSpec) -> Pod {
    let mut metadata = template.metadata.unwrap();
    metadata.name = Some("pod".to_owned());
    let mut spec = template.spec.unwrap();
    let volumes = spec.volumes.get_or_insert_default();
    let mounts = spec.containers[0].volume_mounts.iter().flatten();
    for mount in mounts.filter(|mount| mount.name == "data") {
        // Replaces the claim that a StatefulSet would add.
        volumes.push(Volume {
            name: mount.name.clone(),
            empty_dir: Some(EmptyDirVolumeSource::default()),
            ..Volume::default()
        });
    }
    Pod { metadata, spec: Some(spec), status: None }
}
