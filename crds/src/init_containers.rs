//! Init containers and sidecars of pods, which the restricted Pod Security standard allows.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::{IMAGE, LABEL_NAME, URL_PATH};
use crate::{EnvSource, Resources, VolumeMount};

/// Names of the containers of the operator.
pub const OUR_CONTAINERS: [&str; 5] = ["agent", "consumer", "mysql", "producer", "schema"];

/// Container that runs before the container of the program. With `restartPolicy: Always` it is a sidecar,
/// which keeps running until the program has ended.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.restartPolicy) || (!has(self.startupProbe) && !has(self.livenessProbe))")
    .message("`startupProbe` and `livenessProbe` must not be set unless `restartPolicy` is Always"))]
pub struct InitContainer {
    /// Name of the container.
    #[schemars(length(min = 1, max = 63), regex(pattern = LABEL_NAME))]
    #[x_kube(validation = Rule::new("!(self in ['agent', 'consumer', 'mysql', 'producer', 'schema'])")
        .message("`initContainers` must not have the name of a container of the operator: agent, consumer, mysql, producer or schema"))]
    pub name: String,

    /// Container image.
    #[schemars(length(min = 1, max = 512), regex(pattern = IMAGE))]
    pub image: String,

    /// Restart policy. `Always` makes the container a sidecar. If unset, the container must end before the
    /// next one starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InitRestartPolicy")]
    pub restart_policy: Option<InitRestartPolicy>,

    /// Entrypoint array. Not executed within a shell. Defaults to the entrypoint of the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 1024)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub command: Vec<String>,

    /// Arguments of the entrypoint. Defaults to those of the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 1024)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub args: Vec<String>,

    /// Environment variables of the container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<InitVariable>,

    /// Compute resources of the container.
    #[serde(default = "Resources::of_group")]
    pub resources: Resources,

    /// Mounts of `pod.volumes` in the container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["mountPath".into()]))]
    pub volume_mounts: Vec<VolumeMount>,

    /// User, group and root file system. The container never has privileges or capabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InitSecurity")]
    pub security_context: Option<InitSecurity>,

    /// Probe of a sidecar that must succeed before the next container starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InitProbe")]
    pub startup_probe: Option<InitProbe>,

    /// Probe of a sidecar that restarts it when it fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InitProbe")]
    pub liveness_probe: Option<InitProbe>,
}

/// Restart policy of an init container.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum InitRestartPolicy {
    /// The container is a sidecar: it runs until the program has ended, and is restarted when it ends.
    Always,
}

/// Environment variable. Exactly one of `value` and `valueFrom` must be set.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.value) != has(self.valueFrom)")
    .message("`env` must set exactly one of `value` and `valueFrom` for each variable"))]
pub struct InitVariable {
    /// Name of the variable.
    #[schemars(length(min = 1, max = 128), regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub name: String,

    /// Value of the variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 4096))]
    pub value: Option<String>,

    /// Source of the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "EnvSource")]
    pub value_from: Option<EnvSource>,
}

/// Security context of a container. The operator sets what is missing as the restricted Pod Security standard
/// requires, and these fields cannot weaken it.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitSecurity {
    /// User of the container, not root. Defaults to that of the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 1, max = 2_147_483_647))]
    pub run_as_user: Option<i64>,

    /// Primary group of the container. Defaults to that of the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0, max = 2_147_483_647))]
    pub run_as_group: Option<i64>,

    /// Always `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    #[x_kube(validation = Rule::new("self").message("`runAsNonRoot` must be true: pods meet the restricted Pod Security standard"))]
    pub run_as_non_root: Option<bool>,

    /// Always `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    #[x_kube(validation = Rule::new("!self").message("`privileged` must be false: pods meet the restricted Pod Security standard"))]
    pub privileged: Option<bool>,

    /// Always `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    #[x_kube(validation = Rule::new("!self").message("`allowPrivilegeEscalation` must be false: pods meet the restricted Pod Security standard"))]
    pub allow_privilege_escalation: Option<bool>,

    /// Mounts the root file system read-only. Set it to `false` for an image that writes to it. Defaults to
    /// `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub read_only_root_filesystem: Option<bool>,

    /// Capabilities: all are dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InitCapabilities")]
    pub capabilities: Option<InitCapabilities>,

    /// Seccomp profile: that of the container runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InitSeccomp")]
    pub seccomp_profile: Option<InitSeccomp>,
}

/// Capabilities of a container.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitCapabilities {
    /// Always `[ALL]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", length(max = 1), inner(length(max = 32)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = Rule::new("self == ['ALL']").message("`capabilities.drop` must be [ALL]: pods meet the restricted Pod Security standard"))]
    pub drop: Option<Vec<String>>,
}

/// Seccomp profile of a container.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitSeccomp {
    /// Type of the profile.
    #[serde(rename = "type")]
    pub type_: SeccompType,
}

/// Type of a seccomp profile.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum SeccompType {
    /// The profile of the container runtime.
    RuntimeDefault,
}

/// Probe of a sidecar. Exactly one of `httpGet`, `tcpSocket` and `exec` must be set.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.httpGet), has(self.tcpSocket), has(self.exec)].exists_one(set, set)")
    .message("`startupProbe` and `livenessProbe` must set exactly one of `httpGet`, `tcpSocket` and `exec`"))]
pub struct InitProbe {
    /// HTTP request to the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "HttpProbe")]
    pub http_get: Option<HttpProbe>,

    /// TCP connection to the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TcpProbe")]
    pub tcp_socket: Option<TcpProbe>,

    /// Command in the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ExecProbe")]
    pub exec: Option<ExecProbe>,

    /// Interval of the probe, in seconds.
    #[serde(default = "InitProbe::default_period")]
    #[schemars(range(min = 1, max = 3600))]
    pub period_seconds: i32,

    /// Timeout of the probe, in seconds.
    #[serde(default = "InitProbe::default_timeout")]
    #[schemars(range(min = 1, max = 3600))]
    pub timeout_seconds: i32,

    /// Number of consecutive failures after which the sidecar is restarted.
    #[serde(default = "InitProbe::default_failures")]
    #[schemars(range(min = 1, max = 10_000))]
    pub failure_threshold: i32,
}

impl InitProbe {
    fn default_period() -> i32 {
        10
    }

    fn default_timeout() -> i32 {
        5
    }

    fn default_failures() -> i32 {
        6
    }
}

/// HTTP request of a probe.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpProbe {
    /// Path of the request.
    #[serde(default = "HttpProbe::default_path")]
    #[schemars(length(min = 1, max = 253), regex(pattern = URL_PATH))]
    pub path: String,

    /// Port of the pod.
    #[schemars(range(min = 1, max = 65_535))]
    pub port: i32,
}

impl HttpProbe {
    fn default_path() -> String {
        "/".to_owned()
    }
}

/// TCP connection of a probe.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpProbe {
    /// Port of the pod.
    #[schemars(range(min = 1, max = 65_535))]
    pub port: i32,
}

/// Command of a probe.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecProbe {
    /// Command and its arguments. Not executed within a shell.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 1024)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub command: Vec<String>,
}
