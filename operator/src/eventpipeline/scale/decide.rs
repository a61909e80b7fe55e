//! Decides the number of consumers of a group from its backlog. Pure.

use eventpipeline_crds::BacklogAutoscaling;
use jiff::{SignedDuration, Timestamp};

use super::lanes::Share;

/// The scale of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScaleState {
    pub(super) replicas: i32,
    /// Time of the last change, if it is known.
    pub(super) changed: Option<Timestamp>,
    /// Time since which fewer consumers have sufficed.
    pub(super) window: Option<StabilizationWindow>,
}

/// A period in which fewer consumers have sufficed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StabilizationWindow {
    pub(super) since: Timestamp,
    /// Maximum number of consumers that were needed at any time in this period.
    pub(super) needed: i32,
}

/// The reason for the number of consumers of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
pub(in crate::eventpipeline) enum Reason {
    AsNeeded,
    ScaleOutCoolsDown,
    ScaleInCoolsDown,
    ConsumersBusy,
    MaximumReached,
    QueueUnknown,
    Suspended,
}

/// The result of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Stay(Reason),
    Grow(i32),
    /// Scale in, as far as the consumers' claims allow.
    Shrink(i32),
}

/// The demand for consumers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand {
    /// Number of consumers that the backlog needs, regardless of bounds.
    pub(super) consumers: i32,
    /// Time of the observation.
    pub(super) at: Timestamp,
}

/// Returns how many consumers a group needs for its share of the backlog.
///
/// Claimed events are no demand, because they have a consumer. One consumer must stay for them, because it
/// reclaims the events of a crashed consumer.
pub(super) fn consumers_for(rules: &BacklogAutoscaling, current: i32, share: &Share) -> i32 {
    let target = i64::from(rules.target_backlog_per_replica.max(1));
    let by_number =
        i32::try_from(share.pending.max(0).saturating_add(target - 1) / target).unwrap_or(i32::MAX);
    let late = rules.target_age_seconds.is_some_and(|most| {
        share.pending > 0 && share.oldest_pending_seconds.unwrap_or_default() > f64::from(most)
    });
    let by_age = if late { current.saturating_add((current / 2).max(1)) } else { 0 };
    let least = i32::from(share.any_claimed);
    by_number.max(by_age).max(least)
}

/// Returns the number of pending events for which this number of consumers is meant, up to the maximum of the
/// group.
pub(super) fn capacity(rules: &BacklogAutoscaling, consumers: i32) -> i64 {
    i64::from(consumers.min(rules.max_replicas)) * i64::from(rules.target_backlog_per_replica)
}

/// Decides what to do for the demand, if it is known. Brings the state within the bounds, which may have
/// changed, and updates the stabilization window.
pub(super) fn decide(
    rules: &BacklogAutoscaling,
    state: &mut ScaleState,
    demand: Option<Demand>,
    now: Timestamp,
) -> Step {
    let bounded = |number: i32| number.clamp(rules.min_replicas, rules.max_replicas.max(rules.min_replicas));
    if bounded(state.replicas) != state.replicas {
        *state = ScaleState { replicas: bounded(state.replicas), changed: Some(now), window: None };
    }
    let Some(demand) = demand else {
        state.window = None;
        return Step::Stay(Reason::QueueUnknown);
    };
    let wanted = bounded(demand.consumers);
    if wanted >= state.replicas {
        state.window = None;
    }
    // An observation from before the last change does not reflect that change.
    let seen_since = state.changed.is_none_or(|changed| demand.at > changed);
    if wanted > state.replicas {
        return if seen_since && is_over(state.changed, rules.scale_up_cooldown_seconds, now) {
            Step::Grow(wanted)
        } else {
            Step::Stay(Reason::ScaleOutCoolsDown)
        };
    }
    if wanted == state.replicas {
        let short = demand.consumers > wanted;
        return Step::Stay(if short { Reason::MaximumReached } else { Reason::AsNeeded });
    }
    let window = state.window.get_or_insert(StabilizationWindow { since: now, needed: wanted });
    window.needed = window.needed.max(wanted);
    let cooldown = rules.scale_down_cooldown_seconds;
    if seen_since && is_over(state.changed, cooldown, now) && is_over(Some(window.since), cooldown, now) {
        Step::Shrink(window.needed)
    } else {
        Step::Stay(Reason::ScaleInCoolsDown)
    }
}

/// Returns whether this number of seconds has passed.
fn is_over(since: Option<Timestamp>, seconds: i32, now: Timestamp) -> bool {
    since.is_none_or(|since| now.duration_since(since) >= SignedDuration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests;
