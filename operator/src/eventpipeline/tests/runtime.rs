//! What is reported of the queue, and of how many consumers there are.

use eventpipeline_crds::EventPipelineStatus;
use jiff::SignedDuration;

use super::super::resources::{Applied, Resources};
use super::super::scale::{Decision, Reason};
use super::super::status::{Seen, is_news, of, scaling_news};
use super::status::{NOW, all_ready, assert_summary, late, later, message, shown};
use crate::queue_stats::{Observation, QueueStats, Unknown};

/// The status of these consumers, of which these are suspended.
fn with_suspended(resources: &Resources<Applied>, suspended: &[&str]) -> EventPipelineStatus {
    let suspended = suspended.iter().map(|&name| name.to_owned()).collect();
    of(resources, &Seen { suspended, ..Seen::default() }, None, None, NOW)
}

#[test]
fn a_suspended_group_is_as_it_must_be_at_once_whatever_pods_it_still_has() {
    let mut resources = all_ready("{consumers: [{name: a, suspend: true}]}");
    late(&mut resources.consumer_deployments[0]);
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
fn no_consumers_for_no_events_is_not_suspended() {
    let resources =
        all_ready("{consumers: [{name: a, autoscaling: {backlog: {minReplicas: 0, maxReplicas: 9}}}]}");
    let status = with_suspended(&resources, &[]);
    assert_eq!(
        [shown(&status, "Ready"), shown(&status, "ConsumersReady")],
        ["True/AsSpecified", "True/ScaledToZero"]
    );
}

#[test]
fn what_is_decided_of_a_group_is_shown_and_each_news_is_an_event_once() {
    let decision = |replicas, reason, message: &str| {
        [Decision {
            group: "default".to_owned(),
            replicas,
            changed: Some(later(1)),
            reason,
            message: message.to_owned(),
        }]
    };
    let show = |decisions: &[Decision]| {
        let seen = Seen { decisions, ..Seen::default() };
        of(&all_ready("{}"), &seen, None, None, NOW)
    };
    let calm = decision(3, Reason::AsNeeded, "as many as needed");
    assert_eq!(scaling_news(None, &calm), []);
    let shown = show(&calm);
    let group = &shown.consumer_groups[0];
    assert_eq!((group.replicas, group.reason.as_deref()), (3, Some("AsNeeded")));
    assert_eq!(group.last_scale_time.as_ref().unwrap().0, later(1));

    let busy = decision(2, Reason::ConsumersBusy, "scale-in waits: 2 of 3 consumers busy");
    let news = scaling_news(Some(&shown), &busy);
    let expected = [
        ("ScaledIn", "consumers of group default: from 3 to 2"),
        ("ConsumersBusy", "consumers of group default: scale-in waits: 2 of 3 consumers busy"),
    ];
    assert_eq!(news, expected.map(|(reason, text)| (reason, text.to_owned())));
    assert_eq!(scaling_news(Some(&show(&busy)), &busy), []);
    assert_eq!(scaling_news(Some(&show(&busy)), &calm)[0].0, "ScaledOut");
}

fn seen(second: i64, queue: Result<QueueStats, Unknown>) -> Observation {
    let storage = Err(Unknown::NoProducer);
    Observation { at: NOW + SignedDuration::from_secs(second), queue, storage, schema_is_old: false }
}

#[expect(clippy::unnecessary_wraps, reason = "as an observation has it")]
fn queue(pending: i64, oldest: f64) -> Result<QueueStats, Unknown> {
    let oldest_pending_seconds = (pending > 0).then_some(oldest);
    Ok(QueueStats { pending, processing: 1, done: 5, dead: 0, oldest_pending_seconds })
}

/// The status after another look at the queue.
fn look(previous: Option<&EventPipelineStatus>, observation: &Observation) -> EventPipelineStatus {
    let seen = Seen { queue: Some(observation), late_after_seconds: 60, ..Seen::default() };
    of(&all_ready("{}"), &seen, previous, None, observation.at)
}

#[test]
fn figures_are_written_again_after_half_a_minute_and_only_when_they_differ() {
    let first = look(None, &seen(0, queue(3, 1.0)));
    assert_eq!(first.queue.as_ref().unwrap().pending, 3);
    assert_eq!(look(Some(&first), &seen(29, queue(9, 1.0))), first);
    assert!(!is_news(&first, &seen(29, queue(9, 1.0)), 60));
    assert_eq!(look(Some(&first), &seen(300, queue(3, 1.0))), first);
    assert!(!is_news(&first, &seen(300, queue(3, 1.0)), 60));
    assert!(is_news(&first, &seen(30, queue(9, 1.0)), 60));
    let second = look(Some(&first), &seen(30, queue(9, 1.0))).queue.unwrap();
    assert_eq!((second.pending, second.as_of_time.0.as_second()), (9, 30));
}

#[test]
fn the_backlog_is_in_time_late_or_not_known_and_never_keeps_a_pipeline_from_being_ready() {
    let status = look(None, &seen(0, queue(0, 0.0)));
    assert_eq!(shown(&status, "BacklogInTime"), "True/BacklogEmpty");
    assert_eq!(shown(&look(None, &seen(0, queue(8, 60.0))), "BacklogInTime"), "True/EventsWait");
    let late = look(Some(&status), &seen(1, queue(8, 60.1)));
    assert_eq!(shown(&late, "BacklogInTime"), "False/EventsWaitTooLong");
    assert_summary(&late, "True/AsSpecified", "False/AsSpecified", "False/NotStalled");
    assert!(is_news(&status, &seen(1, queue(8, 60.1)), 60), "a verdict is news before half a minute is over");

    let unknown = look(Some(&late), &seen(2, Err(Unknown::NoAnswer("no answer within 5 s".to_owned()))));
    assert_eq!(shown(&unknown, "BacklogInTime"), "Unknown/QueueStatsNotRead");
    assert!(message(&unknown, "BacklogInTime").contains("no answer within 5 s"));
    assert_eq!(unknown.queue, late.queue, "what was known stands with its time");
    // An operator that has just started has not looked yet.
    let restarted = of(&all_ready("{}"), &Seen::default(), Some(&late), None, later(1));
    assert_eq!(restarted, late);
}
