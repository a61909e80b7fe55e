//! Settings of pods: those fields of a PodSpec that users need and the restricted Pod Security standard allows. A
//! complete PodSpec would be fifteen times the size of the rest of the schema.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::{LABEL_VALUE, SUBDOMAIN};
use crate::{InitContainer, NodeAffinity, PodAffinity, Toleration, TopologySpread, Volume, VolumeMount};

/// Service account, pull Secrets, volumes, sidecars, scheduling, labels and annotations of pods.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.volumeMounts) || (has(self.volumes) && self.volumeMounts.all(mount, self.volumes.exists(volume, volume.name == mount.name)))")
    .message("`volumeMounts` must only name volumes of `volumes`"))]
#[x_kube(validation = Rule::new("!has(self.initContainers) || self.initContainers.all(container, !has(container.volumeMounts) || (has(self.volumes) && container.volumeMounts.all(mount, self.volumes.exists(volume, volume.name == mount.name))))")
    .message("`initContainers` must only mount volumes of `volumes`"))]
pub struct Pod {
    /// Name of the ServiceAccount of the pods, for example for the workload identity of a cloud. It must exist
    /// in the namespace of the pipeline. Its token for the API server is not mounted. Defaults to `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub service_account_name: Option<String>,

    /// Secrets with the credentials of image registries, in addition to those of the service account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub image_pull_secrets: Vec<PullSecret>,

    /// Additional volumes of the pods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub volumes: Vec<Volume>,

    /// Mounts of `volumes` in the container of the program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["mountPath".into()]),
        validation = Rule::new("self.all(mount, !mount.mountPath.matches('^(/tmp|/etc|/run|/var|/var/lib|/var/run|(/etc/eventpipeline|/run/mysqld|/var/lib/mysql|/var/run/mysqld)(/.*)?)$'))")
            .message("`volumeMounts` must not hide the operator's mounts: /tmp, /etc/eventpipeline, /var/lib/mysql, /var/run/mysqld and the directories above them"),
    )]
    pub volume_mounts: Vec<VolumeMount>,

    /// Init containers and sidecars of the pods, started in this order before the container of the program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub init_containers: Vec<InitContainer>,

    /// Additional labels of the pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 32,
        "additionalProperties" = {"type": "string", "maxLength": 63, "pattern": LABEL_VALUE}
    ))]
    #[x_kube(validation = Rule::new(
        "self.all(key, size(key) <= 317 && key.matches('^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$'))"
    ).message("`labels` must have keys of the form `name` or `example.com/name`"))]
    #[x_kube(validation = Rule::new(
        "self.all(key, !key.matches('^(app[.]kubernetes[.]io/(name|instance|component|managed-by)|eventpipeline[.]dev/.*)$'))"
    ).message("`labels` must not contain keys that the operator sets: `app.kubernetes.io/{name,instance,component,managed-by}` and `eventpipeline.dev/*`"))]
    pub labels: BTreeMap<String, String>,

    /// Annotations of the pods, for example for a service mesh.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 32,
        "additionalProperties" = {"type": "string", "maxLength": 4096}
    ))]
    #[x_kube(validation = Rule::new(
        "self.all(key, size(key) <= 317 && key.matches('^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$'))"
    ).message("`annotations` must have keys of the form `name` or `example.com/name`"))]
    #[x_kube(validation = Rule::new("self.all(key, !key.startsWith('eventpipeline.dev/'))")
        .message("`annotations` must not contain keys of the operator: `eventpipeline.dev/*`"))]
    pub annotations: BTreeMap<String, String>,

    /// Labels that nodes must have to run the pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 16,
        "additionalProperties" = {"type": "string", "maxLength": 63, "pattern": LABEL_VALUE}
    ))]
    #[x_kube(validation = Rule::new(
        "self.all(key, size(key) <= 317 && key.matches('^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$'))"
    ).message("`nodeSelector` must have keys of the form `name` or `example.com/name`"))]
    pub node_selector: BTreeMap<String, String>,

    /// Node affinity rules, required or preferred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub node_affinity: Vec<NodeAffinity>,

    /// Pod affinity rules, required or preferred. The pods are placed in the same topology domain as the pods
    /// that match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub pod_affinity: Vec<PodAffinity>,

    /// Pod anti-affinity rules, required or preferred. The pods are not placed in the topology domain of the
    /// pods that match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub pod_anti_affinity: Vec<PodAffinity>,

    /// Tolerations of the pods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub tolerations: Vec<Toleration>,

    /// Topology spread constraints of the pods of a group. Defaults to spreading over nodes, best effort. Has
    /// no effect on the database, which has one pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub topology_spread: Vec<TopologySpread>,

    /// Name of the PriorityClass of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub priority_class_name: Option<String>,
}

/// Secret with the credentials of an image registry.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullSecret {
    /// Name of the Secret, in the namespace of the pipeline.
    #[schemars(length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub name: String,
}
