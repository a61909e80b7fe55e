//! The queue statistics of the last observation. Pure.

use eventpipeline_crds::conditions::{reasons, types};
use eventpipeline_crds::{EventPipelineStatus, QueueStatus};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::conditions::{Conditions, FALSE, TRUE, UNKNOWN, find};
use crate::queue_stats::{Observation, QueueStats, Unknown};

/// Minimum time between two updates of the statistics, because each one is a write.
const UPDATE_INTERVAL: SignedDuration = SignedDuration::from_secs(30);

/// Returns the new statistics if they differ and the current ones are old enough, otherwise the current ones.
pub(super) fn statistics(
    shown: Option<&QueueStatus>,
    observation: Option<&Observation>,
) -> Option<QueueStatus> {
    let Some(Observation { at, queue: Ok(queue), .. }) = observation else { return shown.cloned() };
    let Some(shown) = shown else { return Some(as_status(queue, *at)) };
    let as_shown = as_status(queue, shown.as_of_time.0);
    if as_shown == *shown || at.duration_since(shown.as_of_time.0) < UPDATE_INTERVAL {
        return Some(shown.clone());
    }
    Some(as_status(queue, *at))
}

fn as_status(queue: &QueueStats, at: Timestamp) -> QueueStatus {
    let QueueStats { pending, scheduled, blocked, processing, done, dead, oldest_pending_seconds, .. } =
        *queue;
    QueueStatus {
        pending: pending.max(0),
        scheduled: scheduled.max(0),
        blocked: blocked.max(0),
        processing: processing.max(0),
        done: done.max(0),
        dead: dead.max(0),
        oldest_age_seconds: oldest_pending_seconds.map(whole_seconds),
        // In whole seconds, as the API server stores them.
        as_of_time: Time(Timestamp::from_second(at.as_second()).unwrap_or(at)),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float too large for an integer becomes the largest")]
fn whole_seconds(seconds: f64) -> i64 {
    (seconds as i64).max(0)
}

/// Returns status, reason and message of the condition. The message contains no numbers that change often.
fn verdict(
    queue: &Result<QueueStats, Unknown>,
    late_after_seconds: i32,
) -> (&'static str, &'static str, String) {
    match queue {
        Err(why @ Unknown::NoProducer) => (UNKNOWN, reasons::NO_PRODUCER, why.to_string()),
        Err(why @ Unknown::NoAnswer(_)) => (UNKNOWN, reasons::QUEUE_STATS_NOT_READ, why.to_string()),
        Ok(QueueStats { pending: ..=0, .. }) => {
            (TRUE, reasons::BACKLOG_EMPTY, "no event is pending".to_owned())
        }
        Ok(queue) if queue.oldest_pending_seconds.unwrap_or_default() > f64::from(late_after_seconds) => (
            FALSE,
            reasons::EVENTS_WAIT_TOO_LONG,
            format!("the oldest pending event has waited for more than {late_after_seconds} s"),
        ),
        Ok(_) => (
            TRUE,
            reasons::EVENTS_WAIT,
            format!("no pending event has waited for more than {late_after_seconds} s"),
        ),
    }
}

/// Sets the condition. Until the first observation the previous one stays.
pub(super) fn set_condition(
    conditions: &mut Conditions<'_>,
    observation: Option<&Observation>,
    late_after_seconds: i32,
) {
    match observation {
        Some(observation) => {
            let (status, reason, message) = verdict(&observation.queue, late_after_seconds);
            conditions.set(types::BACKLOG_IN_TIME, status, reason, &message);
        }
        None if conditions.keep(types::BACKLOG_IN_TIME) => {}
        None => {
            let why = "the queue has not been observed yet";
            conditions.set(types::BACKLOG_IN_TIME, UNKNOWN, reasons::FIRST_SEEN, why);
        }
    }
}

/// Returns whether the observation changes the status.
pub(super) fn is_news(
    shown: &EventPipelineStatus,
    observation: &Observation,
    late_after_seconds: i32,
) -> bool {
    let (status, reason, _) = verdict(&observation.queue, late_after_seconds);
    let condition = find(shown, types::BACKLOG_IN_TIME);
    condition.is_none_or(|condition| condition.status != status || condition.reason != reason)
        || statistics(shown.queue.as_ref(), Some(observation)) != shown.queue
}
