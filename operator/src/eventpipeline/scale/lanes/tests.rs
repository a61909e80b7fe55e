//! Groups of several lanes, over time.

use eventpipeline_crds::BacklogAutoscaling;

use super::*;
use crate::eventpipeline::scale::decide::{capacity, consumers_for};
use crate::queue_stats::LaneStats;

fn rules(max: i32) -> BacklogAutoscaling {
    BacklogAutoscaling {
        min_replicas: 0,
        max_replicas: max,
        target_backlog_per_replica: 10,
        target_age_seconds: Some(60),
        scale_up_cooldown_seconds: 0,
        scale_down_cooldown_seconds: 0,
    }
}

/// Returns statistics with these pending events and ages by lane. The totals contradict the lanes, so that a use of
/// them fails a test.
fn queue(lanes: &[(Option<&str>, i64, f64)]) -> QueueStats {
    let lanes = lanes.iter().map(|(lane, pending, oldest)| LaneStats {
        lane: lane.map(str::to_owned),
        pending: *pending,
        oldest_pending_seconds: (*pending > 0).then_some(*oldest),
    });
    QueueStats {
        pending: 700,
        oldest_pending_seconds: Some(600.0),
        lanes: lanes.collect(),
        ..QueueStats::default()
    }
}

/// Returns the number of consumers of each group, given as its lane and maximum, in spec order.
fn consumers(queue: &QueueStats, groups: &[(Option<&str>, i32)]) -> Vec<i32> {
    let mut backlogs = Backlogs::new(Some(queue));
    let of = |(at, (lane, max)): (usize, &(Option<&str>, i32))| {
        let rules = rules(*max);
        let share = backlogs.share(*lane, at == 0).unwrap();
        let consumers = consumers_for(&rules, 1, &share);
        backlogs.take(*lane, capacity(&rules, consumers));
        consumers.min(*max)
    };
    groups.iter().enumerate().map(of).collect()
}

const TWO: [(Option<&str>, i32); 2] = [(Some("fast"), 9), (None, 9)];

#[test]
fn each_lane_scales_to_zero_and_back_by_its_own_backlog() {
    for (fast, default, expected) in
        [(0, 0, [0, 0]), (1, 0, [1, 0]), (50, 0, [5, 0]), (50, 21, [5, 3]), (0, 21, [0, 3]), (0, 0, [0, 0])]
    {
        let queue = queue(&[(None, default, 1.0), (Some("fast"), fast, 1.0)]);
        assert_eq!(consumers(&queue, &TWO), expected, "{fast} {default}");
    }
}

#[test]
fn late_events_of_a_lane_do_not_scale_another() {
    let queue = queue(&[(None, 1, 61.0), (Some("fast"), 1, 1.0)]);
    assert_eq!(consumers(&queue, &TWO), [1, 2]);
}

#[test]
fn groups_of_the_same_lane_share_it_in_order() {
    let groups = [(Some("fast"), 2), (None, 1), (Some("fast"), 9), (None, 9)];
    let queue = queue(&[(None, 30, 1.0), (Some("fast"), 50, 1.0)]);
    assert_eq!(consumers(&queue, &groups), [2, 1, 3, 2]);
}

#[test]
fn claimed_events_keep_a_consumer_in_the_first_group_of_any_lane() {
    let queue = QueueStats { processing: 3, ..queue(&[(None, 0, 0.0)]) };
    assert_eq!(consumers(&queue, &TWO), [1, 0]);
}

#[test]
fn a_lane_that_does_not_exist_yet_has_no_events() {
    assert_eq!(consumers(&queue(&[(None, 20, 1.0)]), &TWO), [0, 2]);
}

#[test]
fn without_lanes_in_the_statistics_each_lane_has_the_whole_backlog() {
    let older = QueueStats { pending: 20, oldest_pending_seconds: Some(1.0), ..queue(&[]) };
    assert_eq!(consumers(&older, &TWO), [2, 2]);
    assert_eq!(consumers(&older, &[(None, 1), (None, 9)]), [1, 1]);
    assert_eq!(Backlogs::new(None).share(None, true), None);
}
