//! The status of the queue and of the number of consumers.

use eventpipeline_crds::EventPipelineStatus;
use jiff::SignedDuration;

use super::super::resources::Applied;
use super::super::scale::{Decision, Reason};
use super::super::status::{DefaultLane, Observed, is_news, of, scaling_news};
use super::applied::{NOW, all_ready, assert_summary, later, message, shown, without_progress};
use crate::queue_stats::{Observation, QueueStats, Unknown};

/// Returns the status while these groups are suspended.
fn with_suspended(resources: &Applied, suspended: &[&str]) -> EventPipelineStatus {
    let suspended = suspended.iter().map(|&name| name.to_owned()).collect();
    of(resources, &Observed { suspended, ..Observed::default() }, None, None, NOW)
}

#[test]
fn a_suspended_group_is_ready_immediately() {
    let mut resources = all_ready("{consumers: [{name: a, suspend: true}]}");
    without_progress(&mut resources.consumer_deployments[0]);
    resources.consumer_deployments[0].status.as_mut().unwrap().replicas = Some(2);
    let status = with_suspended(&resources, &["a"]);
    assert_summary(&status, "True/Suspended", "False/Suspended", "False/NotStalled");
    assert_eq!(shown(&status, "ConsumersReady"), "True/Suspended");

    resources.consumer_deployments[0].status = None;
    assert_eq!(shown(&with_suspended(&resources, &["a"]), "Ready"), "True/Suspended");

    let two = all_ready("{consumers: [{name: a, suspend: true}, {name: b}]}");
    let status = with_suspended(&two, &["a"]);
    assert_eq!(
        [shown(&status, "Ready"), shown(&status, "ConsumersReady")],
        ["True/AsSpecified", "True/PodsReady"]
    );
    assert_eq!(message(&status, "ConsumersReady"), "2 of 2 pods are ready; suspended: a");
}

#[test]
fn a_group_that_scaled_to_zero_is_not_suspended() {
    let resources =
        all_ready("{consumers: [{name: a, autoscaling: {backlog: {minReplicas: 0, maxReplicas: 9}}}]}");
    let status = with_suspended(&resources, &[]);
    assert_eq!(
        [shown(&status, "Ready"), shown(&status, "ConsumersReady")],
        ["True/AsSpecified", "True/ScaledToZero"]
    );
}

#[test]
fn a_decision_is_shown_and_each_change_is_published_once() {
    let decision = |replicas, reason, message: &str| {
        [Decision {
            group: "default".to_owned(),
            replicas,
            changed: Some(later(1)),
            reason,
            message: message.to_owned(),
        }]
    };
    let status = |decisions: &[Decision]| {
        let observed = Observed { decisions, ..Observed::default() };
        of(&all_ready("{}"), &observed, None, None, NOW)
    };
    let calm = decision(3, Reason::AsNeeded, "matches the backlog");
    assert_eq!(scaling_news(None, &calm), []);
    let shown = status(&calm);
    let group = &shown.consumer_groups[0];
    assert_eq!((group.replicas, group.reason.as_deref()), (3, Some("AsNeeded")));
    assert_eq!(group.last_scale_time.as_ref().unwrap().0, later(1));

    let busy = decision(2, Reason::ConsumersBusy, "waiting to scale in: 2 of 3 consumers are busy");
    let news = scaling_news(Some(&shown), &busy);
    let expected = [
        ("ScaledIn", "consumers of group default: scaled from 3 to 2"),
        ("ConsumersBusy", "consumers of group default: waiting to scale in: 2 of 3 consumers are busy"),
    ];
    assert_eq!(news, expected.map(|(reason, text)| (reason, text.to_owned())));
    assert_eq!(scaling_news(Some(&status(&busy)), &busy), []);
    assert_eq!(scaling_news(Some(&status(&busy)), &calm)[0].0, "ScaledOut");
}

fn observed_at(second: i64, queue: Result<QueueStats, Unknown>) -> Observation {
    let storage = Err(Unknown::NoProducer);
    Observation { at: NOW + SignedDuration::from_secs(second), queue, storage, schema_is_old: false }
}

#[expect(clippy::unnecessary_wraps, reason = "as an observation has it")]
fn queue(pending: i64, oldest: f64) -> Result<QueueStats, Unknown> {
    let oldest_pending_seconds = (pending > 0).then_some(oldest);
    Ok(QueueStats {
        pending,
        scheduled: 2,
        processing: 1,
        done: 5,
        oldest_pending_seconds,
        ..QueueStats::default()
    })
}

/// Returns the status after another observation.
fn status_after(previous: Option<&EventPipelineStatus>, observation: &Observation) -> EventPipelineStatus {
    let observed = Observed { queue: Some(observation), late_after_seconds: 60, ..Observed::default() };
    of(&all_ready("{}"), &observed, previous, None, observation.at)
}

fn has_news(shown: &EventPipelineStatus, observation: &Observation) -> bool {
    is_news(shown, observation, 60, DefaultLane::Only)
}

#[test]
fn statistics_are_updated_after_half_a_minute_if_they_differ() {
    let first = status_after(None, &observed_at(0, queue(3, 1.0)));
    assert_eq!(first.queue.as_ref().unwrap().pending, 3);
    assert_eq!(status_after(Some(&first), &observed_at(29, queue(9, 1.0))), first);
    assert!(!has_news(&first, &observed_at(29, queue(9, 1.0))));
    assert_eq!(status_after(Some(&first), &observed_at(300, queue(3, 1.0))), first);
    assert!(!has_news(&first, &observed_at(300, queue(3, 1.0))));
    assert!(has_news(&first, &observed_at(30, queue(9, 1.0))));
    let second = status_after(Some(&first), &observed_at(30, queue(9, 1.0))).queue.unwrap();
    assert_eq!((second.pending, second.as_of_time.0.as_second()), (9, 30));
}

#[test]
fn the_backlog_is_in_time_late_or_unknown_and_does_not_affect_readiness() {
    let status = status_after(None, &observed_at(0, queue(0, 0.0)));
    assert_eq!(shown(&status, "BacklogInTime"), "True/BacklogEmpty");
    assert_eq!(
        shown(&status_after(None, &observed_at(0, queue(8, 60.0))), "BacklogInTime"),
        "True/EventsWait"
    );
    let late = status_after(Some(&status), &observed_at(1, queue(8, 60.1)));
    assert_eq!(shown(&late, "BacklogInTime"), "False/EventsWaitTooLong");
    assert_summary(&late, "True/AsSpecified", "False/AsSpecified", "False/NotStalled");
    assert!(has_news(&status, &observed_at(1, queue(8, 60.1))), "the condition changes immediately");

    let unknown =
        status_after(Some(&late), &observed_at(2, Err(Unknown::NoAnswer("no answer within 5 s".to_owned()))));
    assert_eq!(shown(&unknown, "BacklogInTime"), "Unknown/QueueStatsNotRead");
    assert!(message(&unknown, "BacklogInTime").contains("no answer within 5 s"));
    assert_eq!(unknown.queue, late.queue, "the last statistics stay with their time");
    // A restarted operator has no observation yet.
    let restarted = of(&all_ready("{}"), &Observed::default(), Some(&late), None, later(1));
    assert_eq!(restarted, late);
}
