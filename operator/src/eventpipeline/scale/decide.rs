//! How many consumers a group is to have, from what waits for them. Pure.

use eventpipeline_crds::BacklogAutoscaling;
use jiff::{SignedDuration, Timestamp};

use crate::queue_stats::QueueStats;

/// How many consumers a group has, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) replicas: i32,
    /// When that last changed; none: not that anybody knows.
    pub(super) changed: Option<Timestamp>,
    /// Since when fewer have been enough.
    pub(super) fewer: Option<Fewer>,
}

/// Fewer consumers have been enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fewer {
    pub(super) since: Timestamp,
    /// How many were, all the time.
    pub(super) enough: i32,
}

/// Why a group has no more and no fewer consumers.
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

/// What is to be done about the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Stay(Reason),
    Grow(i32),
    /// As far as the consumers' claims allow.
    Shrink(i32),
}

/// What a group has to cope with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand {
    /// How many consumers that takes, whatever the bounds.
    pub(super) consumers: i32,
    /// When it was seen.
    pub(super) at: Timestamp,
}

/// How many consumers the events that wait take. `backlog` is the group's part of them.
///
/// What is with a consumer is no demand: it has its place. But it needs somebody: what a consumer that crashed had
/// claimed is freed by another.
pub(super) fn consumers_for(
    rules: &BacklogAutoscaling,
    current: i32,
    backlog: i64,
    queue: &QueueStats,
) -> i32 {
    let target = i64::from(rules.target_backlog_per_replica.max(1));
    let by_number = i32::try_from(backlog.max(0).saturating_add(target - 1) / target).unwrap_or(i32::MAX);
    let late = rules.target_age_seconds.is_some_and(|most| {
        backlog > 0 && queue.oldest_pending_seconds.unwrap_or_default() > f64::from(most)
    });
    let by_age = if late { current.saturating_add((current / 2).max(1)) } else { 0 };
    let least = i32::from(queue.processing > 0);
    by_number.max(by_age).max(least)
}

/// What to do for the demand, if it is known. The standing is brought into the bounds, which may be new, and learns
/// whether fewer are enough.
pub(super) fn decide(
    rules: &BacklogAutoscaling,
    standing: &mut Standing,
    demand: Option<Demand>,
    now: Timestamp,
) -> Step {
    let bounded = |number: i32| number.clamp(rules.min_replicas, rules.max_replicas.max(rules.min_replicas));
    if bounded(standing.replicas) != standing.replicas {
        *standing = Standing { replicas: bounded(standing.replicas), changed: Some(now), fewer: None };
    }
    let Some(demand) = demand else {
        standing.fewer = None;
        return Step::Stay(Reason::QueueUnknown);
    };
    let wanted = bounded(demand.consumers);
    if wanted >= standing.replicas {
        standing.fewer = None;
    }
    // What was seen before the last change does not know what that has brought.
    let seen_since = standing.changed.is_none_or(|changed| demand.at > changed);
    if wanted > standing.replicas {
        return if seen_since && is_over(standing.changed, rules.scale_up_cooldown_seconds, now) {
            Step::Grow(wanted)
        } else {
            Step::Stay(Reason::ScaleOutCoolsDown)
        };
    }
    if wanted == standing.replicas {
        let short = demand.consumers > wanted;
        return Step::Stay(if short { Reason::MaximumReached } else { Reason::AsNeeded });
    }
    let fewer = standing.fewer.get_or_insert(Fewer { since: now, enough: wanted });
    fewer.enough = fewer.enough.max(wanted);
    let cooldown = rules.scale_down_cooldown_seconds;
    if seen_since && is_over(standing.changed, cooldown, now) && is_over(Some(fewer.since), cooldown, now) {
        Step::Shrink(fewer.enough)
    } else {
        Step::Stay(Reason::ScaleInCoolsDown)
    }
}

/// Whether so much time has passed.
fn is_over(since: Option<Timestamp>, seconds: i32, now: Timestamp) -> bool {
    since.is_none_or(|since| now.duration_since(since) >= SignedDuration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests;
