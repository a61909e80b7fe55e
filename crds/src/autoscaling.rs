//! Who decides how many pods a group has.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Who decides how many producers run: exactly one of its members.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.cpu) != has(self.external)")
    .message("`autoscaling` must set exactly one of `cpu` and `external`"))]
pub struct ProducerAutoscaling {
    /// A HorizontalPodAutoscaler that the operator makes, by the use of CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "CpuAutoscaling")]
    pub cpu: Option<CpuAutoscaling>,

    /// Somebody else, such as KEDA: the operator leaves `replicas` of the group's Deployment alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ExternalAutoscaling")]
    pub external: Option<ExternalAutoscaling>,
}

/// Who decides how many consumers run: exactly one of its members.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.backlog) != has(self.external)")
    .message("`autoscaling` must set exactly one of `backlog` and `external`"))]
pub struct ConsumerAutoscaling {
    /// The operator, by the events that wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BacklogAutoscaling")]
    pub backlog: Option<BacklogAutoscaling>,

    /// Somebody else, such as a HorizontalPodAutoscaler or KEDA: the operator leaves `replicas` of the group's
    /// Deployment alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ExternalAutoscaling")]
    pub external: Option<ExternalAutoscaling>,
}

/// Somebody else decides.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalAutoscaling {}

/// As many producers as keep the use of CPU near a target.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.minReplicas <= self.maxReplicas")
    .message("`minReplicas` must be at most `maxReplicas`"))]
pub struct CpuAutoscaling {
    /// The fewest that run.
    #[serde(default = "CpuAutoscaling::default_min_replicas")]
    #[schemars(range(min = 1, max = 1000))]
    pub min_replicas: i32,

    /// The most that run.
    #[schemars(range(min = 1, max = 1000))]
    pub max_replicas: i32,

    /// Use of CPU to be kept, in percent of what the group's pods request.
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

/// As many consumers as the events that wait need.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.minReplicas <= self.maxReplicas")
    .message("`minReplicas` must be at most `maxReplicas`"))]
pub struct BacklogAutoscaling {
    /// The fewest that run; 0: none while no event waits.
    #[serde(default = "BacklogAutoscaling::default_min_replicas")]
    #[schemars(range(min = 0, max = 1000))]
    pub min_replicas: i32,

    /// The most that run.
    #[schemars(range(min = 1, max = 1000))]
    pub max_replicas: i32,

    /// How many events may wait for each consumer. Events that are being handled do not count.
    #[serde(default = "BacklogAutoscaling::default_target")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub target_backlog_per_replica: i32,

    /// How old the oldest event that waits may be; while it is older, there are more consumers step by step. Default:
    /// only the number counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 86_400))]
    pub target_age_seconds: Option<i32>,

    /// How long after a change the number may grow again.
    #[serde(default = "BacklogAutoscaling::default_scale_up_cooldown")]
    #[schemars(range(min = 0, max = 3600))]
    pub scale_up_cooldown_seconds: i32,

    /// How long after a change, and how long fewer must have been enough, until the number shrinks.
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
