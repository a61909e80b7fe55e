//! Properties of all decisions, and the life of a group.

use proptest::option::of;
use proptest::prelude::*;

use super::*;

fn rules(min: i32, max: i32) -> BacklogAutoscaling {
    BacklogAutoscaling {
        min_replicas: min,
        max_replicas: max,
        target_backlog_per_replica: 100,
        target_age_seconds: None,
        scale_up_cooldown_seconds: 15,
        scale_down_cooldown_seconds: 300,
    }
}

fn queue(pending: i64, processing: i64, oldest: f64) -> Share {
    let oldest_pending_seconds = (pending > 0).then_some(oldest);
    Share { pending, oldest_pending_seconds, any_claimed: processing > 0 }
}

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
}

fn scaled_to(replicas: i32) -> ScaleState {
    ScaleState { replicas, changed: None, window: None }
}

/// Decides once, at this second, and carries out the decision.
fn live(rules: &BacklogAutoscaling, state: &mut ScaleState, second: i64, queue: &Share) -> Step {
    let consumers = consumers_for(rules, state.replicas, queue);
    let step = decide(rules, state, Some(Demand { consumers, at: at(second) }), at(second));
    if let Step::Grow(replicas) | Step::Shrink(replicas) = step {
        *state = ScaleState { replicas, changed: Some(at(second)), window: None };
    }
    step
}

#[test]
fn a_group_follows_the_backlog_and_shrinks_after_the_cooldown() {
    let (rules, mut group) = (rules(0, 10), scaled_to(0));
    assert_eq!(live(&rules, &mut group, 0, &queue(0, 0, 0.0)), Step::Stay(Reason::AsNeeded));
    assert_eq!(live(&rules, &mut group, 15, &queue(1, 0, 0.1)), Step::Grow(1));
    assert_eq!(live(&rules, &mut group, 20, &queue(480, 16, 5.0)), Step::Stay(Reason::ScaleOutCoolsDown));
    assert_eq!(live(&rules, &mut group, 30, &queue(480, 16, 15.0)), Step::Grow(5));
    assert_eq!(live(&rules, &mut group, 45, &queue(5000, 80, 15.0)), Step::Grow(10));
    assert_eq!(live(&rules, &mut group, 60, &queue(5000, 160, 15.0)), Step::Stay(Reason::MaximumReached));
    assert_eq!(live(&rules, &mut group, 100, &queue(300, 160, 1.0)), Step::Stay(Reason::ScaleInCoolsDown));
    assert_eq!(live(&rules, &mut group, 399, &queue(0, 5, 0.0)), Step::Stay(Reason::ScaleInCoolsDown));
    // Down to the maximum that was needed in the whole period.
    assert_eq!(live(&rules, &mut group, 400, &queue(0, 5, 0.0)), Step::Shrink(3));
    assert_eq!(live(&rules, &mut group, 415, &queue(0, 5, 0.0)), Step::Stay(Reason::ScaleInCoolsDown));
    assert_eq!(live(&rules, &mut group, 715, &queue(0, 5, 0.0)), Step::Shrink(1));
    // One consumer stays as long as an event is claimed, by a running or by a crashed consumer.
    assert_eq!(live(&rules, &mut group, 1100, &queue(0, 5, 0.0)), Step::Stay(Reason::AsNeeded));
    assert_eq!(live(&rules, &mut group, 1200, &queue(0, 0, 0.0)), Step::Stay(Reason::ScaleInCoolsDown));
    assert_eq!(live(&rules, &mut group, 1500, &queue(0, 0, 0.0)), Step::Shrink(0));
    assert_eq!(live(&rules, &mut group, 1600, &queue(0, 2, 0.0)), Step::Grow(1));
}

#[test]
fn a_group_grows_step_by_step_while_events_wait_too_long() {
    let rules = BacklogAutoscaling { target_age_seconds: Some(30), ..rules(1, 10) };
    let mut group = scaled_to(1);
    let late = queue(10, 0, 31.0);
    let numbers: Vec<i32> = (0..7)
        .map(|look| {
            live(&rules, &mut group, look * 15, &late);
            group.replicas
        })
        .collect();
    assert_eq!(numbers, [2, 3, 4, 6, 9, 10, 10]);
    assert_eq!(live(&rules, &mut group, 200, &queue(10, 0, 30.0)), Step::Stay(Reason::ScaleInCoolsDown));
}

#[test]
fn an_observation_from_before_a_change_causes_no_other_change() {
    let rules =
        BacklogAutoscaling { target_age_seconds: Some(30), scale_up_cooldown_seconds: 0, ..rules(1, 10) };
    let mut group = ScaleState { changed: Some(at(10)), ..scaled_to(2) };
    let demand = Some(Demand { consumers: 3, at: at(10) });
    assert_eq!(decide(&rules, &mut group, demand, at(11)), Step::Stay(Reason::ScaleOutCoolsDown));
    let demand = Some(Demand { consumers: 3, at: at(11) });
    assert_eq!(decide(&rules, &mut group, demand, at(11)), Step::Grow(3));
}

#[test]
fn an_unknown_queue_changes_nothing_and_restarts_the_cooldown() {
    let (rules, mut group) = (rules(1, 10), scaled_to(5));
    live(&rules, &mut group, 0, &queue(0, 0, 0.0));
    assert_eq!(decide(&rules, &mut group, None, at(299)), Step::Stay(Reason::QueueUnknown));
    assert_eq!(live(&rules, &mut group, 300, &queue(0, 0, 0.0)), Step::Stay(Reason::ScaleInCoolsDown));
    assert_eq!(live(&rules, &mut group, 600, &queue(0, 0, 0.0)), Step::Shrink(1));
}

#[test]
fn new_bounds_apply_immediately() {
    let mut group = scaled_to(5);
    assert_eq!(live(&rules(6, 9), &mut group, 0, &queue(0, 0, 0.0)), Step::Stay(Reason::AsNeeded));
    assert_eq!((group.replicas, group.changed), (6, Some(at(0))));
    live(&rules(1, 2), &mut group, 1, &queue(0, 0, 0.0));
    assert_eq!(group.replicas, 2);
}

fn any_rules() -> impl Strategy<Value = BacklogAutoscaling> {
    (0..50_i32, 1..50_i32, 1..1000_i32, of(1..100_i32), 0..100_i32, 0..1000_i32).prop_map(
        |(min, more, target, age, up, down)| BacklogAutoscaling {
            min_replicas: min,
            max_replicas: min + more,
            target_backlog_per_replica: target,
            target_age_seconds: age,
            scale_up_cooldown_seconds: up,
            scale_down_cooldown_seconds: down,
        },
    )
}

fn any_queue() -> impl Strategy<Value = Share> {
    (prop_oneof![Just(0), 0..10_000_i64, Just(i64::MAX)], 0..100_i64, 0.0..1000.0_f64)
        .prop_map(|(pending, processing, oldest)| queue(pending, processing, oldest))
}

proptest! {
    /// In any history the bounds hold, and each change keeps its cooldown since the one before.
    #[test]
    fn bounds_and_cooldowns_hold(
        rules in any_rules(),
        start in 0..200_i32,
        looks in proptest::collection::vec((1..60_i64, any_queue()), 1..60),
    ) {
        let (mut group, mut second) = (scaled_to(start), 0);
        for (pause, queue) in looks {
            second += pause;
            let before = group;
            let step = live(&rules, &mut group, second, &queue);
            prop_assert!((rules.min_replicas..=rules.max_replicas).contains(&group.replicas));
            let since = before.changed.map(|changed| at(second).duration_since(changed).as_secs());
            match step {
                Step::Grow(to) => {
                    prop_assert!(to > before.replicas.min(rules.max_replicas));
                    prop_assert!(since.is_none_or(|since| since >= rules.scale_up_cooldown_seconds.into()));
                }
                Step::Shrink(to) => {
                    prop_assert!(to < before.replicas);
                    prop_assert!(since.is_none_or(|since| since >= rules.scale_down_cooldown_seconds.into()));
                    prop_assert!(to >= consumers_for(&rules, before.replicas, &queue));
                }
                Step::Stay(_) => {}
            }
        }
    }

    /// A larger backlog never means fewer consumers, and claimed events never mean more than one.
    #[test]
    fn only_pending_events_are_demand(rules in any_rules(), current in 0..50_i32, less in 0..10_000_i64, more in 0..10_000_i64, busy in 0..10_000_i64) {
        let needs = |pending: i64, processing: i64| {
            consumers_for(&rules, current, &queue(pending, processing, 10.0))
        };
        prop_assert!(needs(less, 0) <= needs(less + more, 0));
        prop_assert_eq!(needs(less, busy), needs(less, 0).max(i32::from(busy > 0)));
    }
}
