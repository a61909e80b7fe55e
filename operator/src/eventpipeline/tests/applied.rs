//! Applied objects in various states, and access to the resulting conditions.

use eventpipeline_crds::EventPipelineStatus;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentStatus, StatefulSetStatus};
use k8s_openapi::api::batch::v1::{JobCondition, JobStatus};

use super::super::resources::Applied;
use super::{prepared, with_spec};

pub(super) const NOW: Timestamp = Timestamp::UNIX_EPOCH;

pub(super) fn later(minutes: i64) -> Timestamp {
    NOW + SignedDuration::from_mins(minutes)
}

/// Returns the objects of the minimal pipeline with this spec, applied and without any status.
pub(super) fn applied(spec: &str) -> Applied {
    Applied::new(prepared(&with_spec(spec)))
}

pub(super) fn database_ready(resources: &mut Applied) {
    resources.mysql_stateful_set.as_mut().unwrap().status = Some(StatefulSetStatus {
        ready_replicas: Some(1),
        current_revision: Some("r".to_owned()),
        update_revision: Some("r".to_owned()),
        ..StatefulSetStatus::default()
    });
}

pub(super) fn job_is(resources: &mut Applied, type_: &str, message: Option<&str>) {
    resources.schema_job.status = Some(JobStatus {
        conditions: Some(vec![JobCondition {
            type_: type_.to_owned(),
            status: "True".to_owned(),
            message: message.map(str::to_owned),
            ..JobCondition::default()
        }]),
        ..JobStatus::default()
    });
}

pub(super) fn pods_ready(deployment: &mut Deployment) {
    let replicas = deployment.spec.as_ref().unwrap().replicas;
    deployment.status = Some(DeploymentStatus {
        replicas,
        updated_replicas: replicas,
        ready_replicas: replicas,
        available_replicas: replicas,
        ..DeploymentStatus::default()
    });
}

pub(super) fn without_progress(deployment: &mut Deployment) {
    deployment.status = Some(DeploymentStatus {
        conditions: Some(vec![DeploymentCondition {
            type_: "Progressing".to_owned(),
            status: "False".to_owned(),
            reason: Some("ProgressDeadlineExceeded".to_owned()),
            message: Some("ReplicaSet has timed out progressing.".to_owned()),
            ..DeploymentCondition::default()
        }]),
        ..DeploymentStatus::default()
    });
}

pub(super) fn all_ready(spec: &str) -> Applied {
    let mut resources = applied(spec);
    database_ready(&mut resources);
    job_is(&mut resources, "Complete", None);
    resources.producer_deployments.iter_mut().for_each(pods_ready);
    resources.consumer_deployments.iter_mut().for_each(pods_ready);
    resources
}

/// Returns status and reason of a condition as `True/AsSpecified`.
pub(super) fn shown(status: &EventPipelineStatus, type_: &str) -> String {
    let condition = status.conditions.iter().find(|condition| condition.type_ == type_).unwrap();
    format!("{}/{}", condition.status, condition.reason)
}

#[track_caller]
pub(super) fn assert_summary(status: &EventPipelineStatus, ready: &str, reconciling: &str, stalled: &str) {
    let [is_ready, is_reconciling, is_stalled] =
        ["Ready", "Reconciling", "Stalled"].map(|type_| shown(status, type_));
    assert_eq!([is_ready.as_str(), &is_reconciling, &is_stalled], [ready, reconciling, stalled]);
}

pub(super) fn message(status: &EventPipelineStatus, type_: &str) -> String {
    status.conditions.iter().find(|condition| condition.type_ == type_).unwrap().message.clone()
}
