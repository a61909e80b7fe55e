//! Autoscaling of groups.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Autoscaling of a producer group. Exactly one field must be set.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.cpu) != has(self.external)")
    .message("`autoscaling` must set exactly one of `cpu` and `external`"))]
pub struct ProducerAutoscaling {
    /// Scales the group by CPU utilization, with a HorizontalPodAutoscaler that the operator creates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "CpuAutoscaling")]
    pub cpu: Option<CpuAutoscaling>,

    /// Leaves scaling to another controller, such as KEDA. The operator does not set `replicas` of the
    /// Deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ExternalAutoscaling")]
    pub external: Option<ExternalAutoscaling>,
}

/// Autoscaling of a consumer group. Exactly one field must be set.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.backlog) != has(self.external)")
    .message("`autoscaling` must set exactly one of `backlog` and `external`"))]
pub struct ConsumerAutoscaling {
    /// Scales the group by the number and the age of pending events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BacklogAutoscaling")]
    pub backlog: Option<BacklogAutoscaling>,

    /// Leaves scaling to another controller, such as a HorizontalPodAutoscaler or KEDA. The operator does not
    /// set `replicas` of the Deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ExternalAutoscaling")]
    pub external: Option<ExternalAutoscaling>,
}

/// Scaling by another controller.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalAutoscaling {}

/// Scaling by CPU utilization.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.minReplicas <= self.maxReplicas")
    .message("`minReplicas` must be at most `maxReplicas`"))]
pub struct CpuAutoscaling {
    /// Minimum number of pods.
    #[serde(default = "CpuAutoscaling::default_min_replicas")]
    #[schemars(range(min = 1, max = 1000))]
    pub min_replicas: i32,

    /// Maximum number of pods.
    #[schemars(range(min = 1, max = 1000))]
    pub max_replicas: i32,

    /// Target CPU utilization, in percent of the requested CPU.
    #[serde(default = "CpuAutoscaling::default_target")]
    #[schemars(range(min = 1, max = 1000))]
    pub target_utilization_percentage: i32,
}

impl CpuAutoscaling {
    fn default_min_replicas() -> i32 {
        2
    }

    fn default_target() -> i32 {
        70
    }
}

/// Scaling by pending events.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.minReplicas <= self.maxReplicas")
    .message("`minReplicas` must be at most `maxReplicas`"))]
pub struct BacklogAutoscaling {
    /// Minimum number of pods. With 0, no consumer runs while no event is pending.
    #[serde(default = "BacklogAutoscaling::default_min_replicas")]
    #[schemars(range(min = 0, max = 1000))]
    pub min_replicas: i32,

    /// Maximum number of pods.
    #[schemars(range(min = 1, max = 1000))]
    pub max_replicas: i32,

    /// Target number of pending events per pod. Claimed events do not count.
    #[serde(default = "BacklogAutoscaling::default_target")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub target_backlog_per_replica: i32,

    /// Target age of the oldest pending event, in seconds. While it is older, the operator adds pods step by
    /// step. If unset, only the number of pending events counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 86_400))]
    pub target_age_seconds: Option<i32>,

    /// Minimum time between a change and the next scale-out, in seconds.
    #[serde(default = "BacklogAutoscaling::default_scale_up_cooldown")]
    #[schemars(range(min = 0, max = 3600))]
    pub scale_up_cooldown_seconds: i32,

    /// Minimum time between a change and the next scale-in, in seconds. Fewer pods must also have been
    /// sufficient for this long.
    #[serde(default = "BacklogAutoscaling::default_scale_down_cooldown")]
    #[schemars(range(min = 0, max = 86_400))]
    pub scale_down_cooldown_seconds: i32,
}

impl BacklogAutoscaling {
    fn default_min_replicas() -> i32 {
        1
    }

    fn default_target() -> i32 {
        100
    }

    fn default_scale_up_cooldown() -> i32 {
        15
    }

    fn default_scale_down_cooldown() -> i32 {
        300
    }
}
