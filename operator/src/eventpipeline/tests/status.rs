//! The status for objects in various states.

use k8s_openapi::api::networking::v1::{
    IngressLoadBalancerIngress, IngressLoadBalancerStatus, IngressStatus,
};

use super::super::apply::{Failures, Why};
use super::super::resources::{Applied, Expansion};
use super::super::status::{Observed, begins_to_stall, first_seen, of, stalled};
use super::applied::{
    NOW, all_ready, applied, assert_summary, database_ready, job_is, later, message, pods_ready, shown,
    without_progress,
};
use crate::api;

#[test]
fn a_complete_pipeline_is_ready() {
    let status = of(&all_ready("{}"), &Observed::default(), None, Some(3), NOW);
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
fn the_reason_is_the_first_missing_component_and_the_message_names_all() {
    let mut resources = applied("{}");
    let status = of(&resources, &Observed::default(), None, None, NOW);
    assert_summary(&status, "False/DatabaseNotReady", "True/DatabaseNotReady", "False/NotStalled");
    let all = message(&status, "Ready");
    for part in
        ["StatefulSet orders-mysql", "orders-schema-", "producers: group default", "consumers: group default"]
    {
        assert!(all.contains(part), "{part} in {all}");
    }

    database_ready(&mut resources);
    assert_eq!(
        shown(&of(&resources, &Observed::default(), None, None, NOW), "Ready"),
        "False/SchemaNotReady"
    );
    job_is(&mut resources, "Complete", None);
    assert_eq!(
        shown(&of(&resources, &Observed::default(), None, None, NOW), "Ready"),
        "False/ProducersNotReady"
    );
    resources.producer_deployments.iter_mut().for_each(pods_ready);
    let status = of(&resources, &Observed::default(), None, None, NOW);
    assert_eq!(shown(&status, "Ready"), "False/ConsumersNotReady");
    assert_eq!(message(&status, "Ready"), "consumers: group default has 0 of 2 pods ready and 0 updated");
}

#[test]
fn an_outdated_status_of_a_workload_does_not_count() {
    let mut resources = all_ready("{}");
    resources.consumer_deployments[0].metadata.generation = Some(2);
    resources.consumer_deployments[0].status.as_mut().unwrap().observed_generation = Some(1);
    assert_eq!(
        shown(&of(&resources, &Observed::default(), None, None, NOW), "Ready"),
        "False/ConsumersNotReady"
    );
}

#[test]
fn pods_that_a_rollout_has_not_removed_yet_are_named() {
    let mut resources = all_ready("{}");
    resources.consumer_deployments[0].status.as_mut().unwrap().replicas = Some(3);
    let status = of(&resources, &Observed::default(), None, None, NOW);
    assert_eq!(
        message(&status, "Ready"),
        "consumers: group default has 2 of 2 pods ready and 2 updated, and 1 more to be removed"
    );
}

#[test]
fn pods_of_an_old_template_do_not_count() {
    let mut resources = all_ready("{}");
    resources.producer_deployments[0].status.as_mut().unwrap().updated_replicas = Some(1);
    assert_eq!(
        shown(&of(&resources, &Observed::default(), None, None, NOW), "Ready"),
        "False/ProducersNotReady"
    );
    let mut resources = all_ready("{}");
    resources.mysql_stateful_set.as_mut().unwrap().status.as_mut().unwrap().update_revision =
        Some("new".to_owned());
    assert_eq!(
        shown(&of(&resources, &Observed::default(), None, None, NOW), "Ready"),
        "False/DatabaseNotReady"
    );
}

#[test]
fn a_failed_schema_job_stalls_the_pipeline_with_its_reason() {
    let mut resources = applied("{}");
    job_is(&mut resources, "Failed", Some("Job has reached the specified backoff limit"));
    let status = of(&resources, &Observed::default(), None, None, NOW);
    assert_summary(&status, "False/JobFailed", "False/Stalled", "True/JobFailed");
    assert!(message(&status, "Stalled").contains("reached the specified backoff limit"));
}

#[test]
fn a_deployment_stalls_only_after_its_deadline_since_the_schema_was_ready() {
    let mut resources = all_ready("{}");
    without_progress(&mut resources.producer_deployments[0]);
    let before = of(&resources, &Observed::default(), None, None, NOW);
    assert_summary(&before, "False/ProducersNotReady", "True/ProducersNotReady", "False/NotStalled");

    let soon = of(&resources, &Observed::default(), Some(&before), None, later(9));
    assert_eq!(shown(&soon, "Stalled"), "False/NotStalled");
    assert_eq!(begins_to_stall(Some(&before), &soon), None);

    let late = of(&resources, &Observed::default(), Some(&soon), None, later(10));
    assert_summary(&late, "False/ProgressDeadlineExceeded", "False/Stalled", "True/ProgressDeadlineExceeded");
    assert!(message(&late, "Stalled").contains("timed out progressing"));
    assert_eq!(begins_to_stall(Some(&soon), &late).unwrap().0, "ProgressDeadlineExceeded");
    assert_eq!(begins_to_stall(Some(&late), &late), None);
}

#[test]
fn a_route_reports_its_address() {
    let mut resources = all_ready("{route: {ingress: {anyHost: true, path: /orders/}}}");
    let observed =
        Observed { service_url: "http://orders-producers.shop.svc".to_owned(), ..Observed::default() };
    let status = of(&resources, &observed, None, None, NOW);
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
    let status = of(&resources, &observed, None, None, NOW);
    assert_eq!(shown(&status, "RouteAccepted"), "True/AddressAssigned");
    assert!(message(&status, "RouteAccepted").contains("192.0.2.7"));
    assert_eq!(status.url.as_deref(), Some("http://192.0.2.7/orders"));
    let status = of(&all_ready("{}"), &observed, None, None, NOW);
    assert_eq!(shown(&status, "RouteAccepted"), "True/NoRoute");
    assert_eq!(status.url.as_deref(), Some("http://orders-producers.shop.svc"));
}

#[test]
fn only_the_conditions_that_change_get_a_new_transition_time() {
    let first = of(&all_ready("{}"), &Observed::default(), None, None, NOW);
    assert_eq!(of(&all_ready("{}"), &Observed::default(), Some(&first), None, later(5)), first);

    let mut resources = all_ready("{}");
    resources.consumer_deployments[0].status = None;
    let second = of(&resources, &Observed::default(), Some(&first), None, later(5));
    let time = |type_: &str| {
        second.conditions.iter().find(|condition| condition.type_ == type_).unwrap().last_transition_time.0
    };
    assert_eq!([time("Ready"), time("ConsumersReady"), time("DatabaseReady")], [later(5), later(5), NOW]);
}

#[test]
fn the_first_status_is_unknown() {
    let status = first_seen(Some(1), NOW);
    assert_summary(&status, "Unknown/FirstSeen", "True/FirstSeen", "False/NotStalled");
}

#[test]
fn an_invalid_spec_stalls_the_pipeline_and_keeps_the_conditions_of_components() {
    let before = of(&all_ready("{}"), &Observed::default(), None, Some(1), NOW);
    let status = stalled(Some(&before), "InvalidSpec", "`replicas` must be", Some(2), later(1));
    assert_summary(&status, "False/InvalidSpec", "False/Stalled", "True/InvalidSpec");
    assert_eq!(shown(&status, "DatabaseReady"), "True/PodsReady");
    assert_eq!((status.observed_generation, status.producers), (Some(2), before.producers));
    assert_eq!(stalled(Some(&status), "InvalidSpec", "`replicas` must be", Some(2), later(9)), status);
}

#[test]
fn a_failed_apply_affects_only_its_component() {
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
        // A temporary failure is not reported until it persists.
        (Why::Call(refused(500)), false, "True/AsSpecified", "False/NotStalled"),
        (Why::Call(refused(409)), true, "False/ApplyFailed", "False/NotStalled"),
    ] {
        let failures = Failures::of(object.clone(), "producer", why);
        let observed = Observed { failures: Some(&failures), is_persistent: patient, ..Observed::default() };
        let status = of(&all_ready("{}"), &observed, None, Some(1), NOW);
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
fn a_refused_expansion_stalls_and_one_in_progress_is_waited_for() {
    let mut resources = applied("{}");
    database_ready(&mut resources);
    let database = |resources: &Applied| {
        let status = of(resources, &Observed::default(), None, Some(3), NOW);
        let find = |type_: &str| {
            status.conditions.iter().find(|condition| condition.type_ == type_).unwrap().clone()
        };
        (find("DatabaseReady"), find("Stalled").status, find("Reconciling").status)
    };
    resources.data_volume.as_mut().unwrap().expansion = Expansion::InProgress;
    let (condition, stalled, reconciling) = database(&resources);
    assert_eq!(
        (condition.reason.as_str(), stalled.as_str(), reconciling.as_str()),
        ("VolumeGrowing", "False", "True")
    );
    resources.data_volume.as_mut().unwrap().expansion =
        Expansion::Refused("the class does not allow it".to_owned());
    let (condition, stalled, _) = database(&resources);
    assert_eq!((condition.reason.as_str(), stalled.as_str()), ("VolumeNotGrown", "True"));
    assert!(
        condition.message.ends_with("can't be expanded to 10Gi: the class does not allow it"),
        "{}",
        condition.message
    );
}
