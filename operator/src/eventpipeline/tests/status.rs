//! What is reported of objects in every state.

use std::marker::PhantomData;

use eventpipeline_crds::EventPipelineStatus;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentStatus, StatefulSetStatus};
use k8s_openapi::api::batch::v1::{JobCondition, JobStatus};
use k8s_openapi::api::networking::v1::{
    IngressLoadBalancerIngress, IngressLoadBalancerStatus, IngressStatus,
};

use super::super::apply::{Failures, Why};
use super::super::resources::{Applied, Growth, Resources};
use super::super::status::{Seen, begins_to_stall, first_seen, of, stalled};
use super::{prepared, with_spec};
use crate::api;

pub(super) const NOW: Timestamp = Timestamp::UNIX_EPOCH;

pub(super) fn later(minutes: i64) -> Timestamp {
    NOW + SignedDuration::from_mins(minutes)
}

/// The minimal pipeline's objects, applied, without any state.
pub(super) fn applied(spec: &str) -> Resources<Applied> {
    let Resources {
        secrets,
        mysql_claim,
        mysql_service,
        mysql_stateful_set,
        schema_job,
        wakeups_service,
        producer_service,
        producer_deployments,
        consumer_deployments,
        ingress,
        http_route,
        network_policies,
        disruption_budgets,
        autoscalers,
        state: _,
    } = prepared(&with_spec(spec));
    Resources {
        secrets,
        mysql_claim,
        mysql_service,
        mysql_stateful_set,
        schema_job,
        wakeups_service,
        producer_service,
        producer_deployments,
        consumer_deployments,
        ingress,
        http_route,
        network_policies,
        disruption_budgets,
        autoscalers,
        state: PhantomData,
    }
}

fn database_ready(resources: &mut Resources<Applied>) {
    resources.mysql_stateful_set.as_mut().unwrap().status = Some(StatefulSetStatus {
        ready_replicas: Some(1),
        current_revision: Some("r".to_owned()),
        update_revision: Some("r".to_owned()),
        ..StatefulSetStatus::default()
    });
}

fn job_is(resources: &mut Resources<Applied>, type_: &str, message: Option<&str>) {
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

fn pods_ready(deployment: &mut Deployment) {
    let replicas = deployment.spec.as_ref().unwrap().replicas;
    deployment.status = Some(DeploymentStatus {
        replicas,
        updated_replicas: replicas,
        ready_replicas: replicas,
        available_replicas: replicas,
        ..DeploymentStatus::default()
    });
}

pub(super) fn late(deployment: &mut Deployment) {
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

pub(super) fn all_ready(spec: &str) -> Resources<Applied> {
    let mut resources = applied(spec);
    database_ready(&mut resources);
    job_is(&mut resources, "Complete", None);
    resources.producer_deployments.iter_mut().for_each(pods_ready);
    resources.consumer_deployments.iter_mut().for_each(pods_ready);
    resources
}

/// `True/AsSpecified`
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

#[test]
fn everything_there_is_ready() {
    let status = of(&all_ready("{}"), &Seen::default(), None, Some(3), NOW);
    assert_summary(&status, "True/AsSpecified", "False/AsSpecified", "False/NotStalled");
    for part in ["DatabaseReady", "SchemaReady", "ProducersReady", "ConsumersReady", "RouteAccepted"] {
        assert!(shown(&status, part).starts_with("True/"), "{part}");
    }
    assert_eq!(status.observed_generation, Some(3));
    assert!(status.conditions.iter().all(|condition| condition.observed_generation == Some(3)));
    let counts = status.producers.unwrap();
    assert_eq!((counts.wanted, counts.ready), (2, 2));
}

#[test]
fn the_reason_is_the_first_part_that_is_missing_and_the_message_names_all() {
    let mut resources = applied("{}");
    let status = of(&resources, &Seen::default(), None, None, NOW);
    assert_summary(&status, "False/DatabaseNotReady", "True/DatabaseNotReady", "False/NotStalled");
    let all = message(&status, "Ready");
    for part in
        ["StatefulSet orders-mysql", "orders-schema-", "producers: group default", "consumers: group default"]
    {
        assert!(all.contains(part), "{part} in {all}");
    }

    database_ready(&mut resources);
    assert_eq!(shown(&of(&resources, &Seen::default(), None, None, NOW), "Ready"), "False/SchemaNotReady");
    job_is(&mut resources, "Complete", None);
    assert_eq!(shown(&of(&resources, &Seen::default(), None, None, NOW), "Ready"), "False/ProducersNotReady");
    resources.producer_deployments.iter_mut().for_each(pods_ready);
    let status = of(&resources, &Seen::default(), None, None, NOW);
    assert_eq!(shown(&status, "Ready"), "False/ConsumersNotReady");
    assert_eq!(
        message(&status, "Ready"),
        "consumers: group default has 0 of 2 pods ready, 0 of them updated"
    );
}

#[test]
fn what_the_workload_controller_has_not_seen_yet_is_not_ready() {
    let mut resources = all_ready("{}");
    resources.consumer_deployments[0].metadata.generation = Some(2);
    resources.consumer_deployments[0].status.as_mut().unwrap().observed_generation = Some(1);
    assert_eq!(shown(&of(&resources, &Seen::default(), None, None, NOW), "Ready"), "False/ConsumersNotReady");
}

#[test]
fn pods_of_an_old_template_are_not_what_the_spec_asks_for() {
    let mut resources = all_ready("{}");
    resources.producer_deployments[0].status.as_mut().unwrap().updated_replicas = Some(1);
    assert_eq!(shown(&of(&resources, &Seen::default(), None, None, NOW), "Ready"), "False/ProducersNotReady");
    let mut resources = all_ready("{}");
    resources.mysql_stateful_set.as_mut().unwrap().status.as_mut().unwrap().update_revision =
        Some("new".to_owned());
    assert_eq!(shown(&of(&resources, &Seen::default(), None, None, NOW), "Ready"), "False/DatabaseNotReady");
}

#[test]
fn a_failed_schema_job_stalls_and_says_why() {
    let mut resources = applied("{}");
    job_is(&mut resources, "Failed", Some("Job has reached the specified backoff limit"));
    let status = of(&resources, &Seen::default(), None, None, NOW);
    assert_summary(&status, "False/JobFailed", "False/Stalled", "True/JobFailed");
    assert!(message(&status, "Stalled").contains("reached the specified backoff limit"));
}

#[test]
fn a_deployment_stalls_only_after_its_full_time_since_the_schema_was_ready() {
    let mut resources = all_ready("{}");
    late(&mut resources.producer_deployments[0]);
    let before = of(&resources, &Seen::default(), None, None, NOW);
    assert_summary(&before, "False/ProducersNotReady", "True/ProducersNotReady", "False/NotStalled");

    let soon = of(&resources, &Seen::default(), Some(&before), None, later(9));
    assert_eq!(shown(&soon, "Stalled"), "False/NotStalled");
    assert_eq!(begins_to_stall(Some(&before), &soon), None);

    let late = of(&resources, &Seen::default(), Some(&soon), None, later(10));
    assert_summary(&late, "False/ProgressDeadlineExceeded", "False/Stalled", "True/ProgressDeadlineExceeded");
    assert!(message(&late, "Stalled").contains("timed out progressing"));
    assert_eq!(begins_to_stall(Some(&soon), &late).unwrap().0, "ProgressDeadlineExceeded");
    assert_eq!(begins_to_stall(Some(&late), &late), None);
}

#[test]
fn the_route_says_whether_it_has_an_address() {
    let mut resources = all_ready("{route: {ingress: {anyHost: true, path: /orders/}}}");
    let seen = Seen { service_url: "http://orders-producers.shop.svc".to_owned(), ..Seen::default() };
    let status = of(&resources, &seen, None, None, NOW);
    assert_eq!(shown(&status, "RouteAccepted"), "True/Published");
    assert_eq!(
        status.url.as_deref(),
        Some("http://orders-producers.shop.svc"),
        "any host, at an unknown address"
    );
    let address = IngressLoadBalancerIngress { ip: Some("192.0.2.7".to_owned()), ..Default::default() };
    resources.ingress.as_mut().unwrap().status = Some(IngressStatus {
        load_balancer: Some(IngressLoadBalancerStatus { ingress: Some(vec![address]) }),
    });
    let status = of(&resources, &seen, None, None, NOW);
    assert_eq!(shown(&status, "RouteAccepted"), "True/AddressAssigned");
    assert!(message(&status, "RouteAccepted").contains("192.0.2.7"));
    assert_eq!(status.url.as_deref(), Some("http://192.0.2.7/orders"));
    let status = of(&all_ready("{}"), &seen, None, None, NOW);
    assert_eq!(shown(&status, "RouteAccepted"), "True/NoRoute");
    assert_eq!(status.url.as_deref(), Some("http://orders-producers.shop.svc"));
}

#[test]
fn nothing_new_is_the_same_status_and_a_change_keeps_the_times_of_the_rest() {
    let first = of(&all_ready("{}"), &Seen::default(), None, None, NOW);
    assert_eq!(of(&all_ready("{}"), &Seen::default(), Some(&first), None, later(5)), first);

    let mut resources = all_ready("{}");
    resources.consumer_deployments[0].status = None;
    let second = of(&resources, &Seen::default(), Some(&first), None, later(5));
    let time = |type_: &str| {
        second.conditions.iter().find(|condition| condition.type_ == type_).unwrap().last_transition_time.0
    };
    assert_eq!([time("Ready"), time("ConsumersReady"), time("DatabaseReady")], [later(5), later(5), NOW]);
}

#[test]
fn the_first_word_is_that_it_is_not_known_yet() {
    let status = first_seen(Some(1), NOW);
    assert_summary(&status, "Unknown/FirstSeen", "True/FirstSeen", "False/NotStalled");
}

#[test]
fn a_pipeline_that_must_be_changed_stalls_and_keeps_what_was_known_of_its_parts() {
    let before = of(&all_ready("{}"), &Seen::default(), None, Some(1), NOW);
    let status = stalled(Some(&before), "InvalidSpec", "`replicas` must be", Some(2), later(1));
    assert_summary(&status, "False/InvalidSpec", "False/Stalled", "True/InvalidSpec");
    assert_eq!(shown(&status, "DatabaseReady"), "True/PodsReady");
    assert_eq!((status.observed_generation, status.producers), (Some(2), before.producers));
    assert_eq!(stalled(Some(&status), "InvalidSpec", "`replicas` must be", Some(2), later(9)), status);
}

#[test]
fn an_object_that_could_not_be_written_shows_in_its_part_and_the_others_go_on() {
    let refused = |code: u16| {
        let status = kube::core::Status { code, message: "no".to_owned(), ..kube::core::Status::default() };
        api::Error::Refused {
            action: "apply Deployment demo-producer-default".to_owned(),
            status: Box::new(status),
        }
    };
    let object = ("Deployment", "demo-producer-default".to_owned());
    for (why, patient, ready, stalled) in [
        (Why::Taken, false, "False/NameTaken", "True/NameTaken"),
        (Why::Call(refused(422)), false, "False/ObjectRefused", "True/ObjectRefused"),
        (Why::Call(refused(403)), false, "False/ApplyFailed", "False/NotStalled"),
        // What passes by itself is no news, until it does not.
        (Why::Call(refused(500)), false, "True/AsSpecified", "False/NotStalled"),
        (Why::Call(refused(409)), true, "False/ApplyFailed", "False/NotStalled"),
    ] {
        let failures = Failures::of(object.clone(), "producer", why);
        let seen = Seen { failures: Some(&failures), again_and_again: patient, ..Seen::default() };
        let status = of(&all_ready("{}"), &seen, None, Some(1), NOW);
        assert_eq!(
            (shown(&status, "Ready"), shown(&status, "Stalled")),
            (ready.to_owned(), stalled.to_owned())
        );
        assert_eq!(shown(&status, "ProducersReady").starts_with("False"), ready.starts_with("False"));
        assert_eq!(shown(&status, "DatabaseReady"), "True/PodsReady");
        assert_eq!(begins_to_stall(None, &status).is_some(), ready.starts_with("False"));
        assert_eq!(begins_to_stall(Some(&status), &status), None);
    }
}

#[test]
fn a_volume_that_can_t_grow_stalls_and_one_that_grows_is_waited_for() {
    let mut resources = applied("{}");
    database_ready(&mut resources);
    let database = |resources: &Resources<Applied>| {
        let status = of(resources, &Seen::default(), None, Some(3), NOW);
        let find = |type_: &str| {
            status.conditions.iter().find(|condition| condition.type_ == type_).unwrap().clone()
        };
        (find("DatabaseReady"), find("Stalled").status, find("Reconciling").status)
    };
    resources.mysql_claim.as_mut().unwrap().growth = Growth::UnderWay;
    let (condition, stalled, reconciling) = database(&resources);
    assert_eq!(
        (condition.reason.as_str(), stalled.as_str(), reconciling.as_str()),
        ("VolumeGrowing", "False", "True")
    );
    resources.mysql_claim.as_mut().unwrap().growth =
        Growth::Refused("the class does not allow it".to_owned());
    let (condition, stalled, _) = database(&resources);
    assert_eq!((condition.reason.as_str(), stalled.as_str()), ("VolumeNotGrown", "True"));
    assert!(
        condition.message.ends_with("can't grow to 10Gi: the class does not allow it"),
        "{}",
        condition.message
    );
}
