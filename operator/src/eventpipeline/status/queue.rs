//! The queue, as it was last seen. Pure.

use eventpipeline_crds::conditions::{reasons, types};
use eventpipeline_crds::{EventPipelineStatus, QueueStatus};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::conditions::{Conditions, FALSE, TRUE, UNKNOWN, find};
use crate::queue_stats::{Observation, QueueStats, Unknown};

/// How long figures stand before newer ones replace them: each replacement is a write.
const STANDS: SignedDuration = SignedDuration::from_secs(30);

/// The figures to be shown: the new ones, if they differ and those that are shown have stood for long enough.
pub(super) fn figures(shown: Option<&QueueStatus>, seen: Option<&Observation>) -> Option<QueueStatus> {
    let Some(Observation { at, queue: Ok(queue), .. }) = seen else { return shown.cloned() };
    let Some(shown) = shown else { return Some(as_status(queue, *at)) };
    let as_shown = as_status(queue, shown.as_of_time.0);
    if as_shown == *shown || at.duration_since(shown.as_of_time.0) < STANDS {
        return Some(shown.clone());
    }
    Some(as_status(queue, *at))
}

fn as_status(queue: &QueueStats, at: Timestamp) -> QueueStatus {
    let QueueStats { pending, processing, done, dead, oldest_pending_seconds } = *queue;
    QueueStatus {
        pending: pending.max(0),
        processing: processing.max(0),
        done: done.max(0),
        dead: dead.max(0),
        oldest_age_seconds: oldest_pending_seconds.map(whole_seconds),
        // Whole seconds, as they come back from the API server.
        as_of_time: Time(Timestamp::from_second(at.as_second()).unwrap_or(at)),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float too large for an integer becomes the largest")]
fn whole_seconds(seconds: f64) -> i64 {
    (seconds as i64).max(0)
}

/// What the condition says. No figures in it: they change with every look.
fn verdict(
    queue: &Result<QueueStats, Unknown>,
    late_after_seconds: i32,
) -> (&'static str, &'static str, String) {
    match queue {
        Err(why @ Unknown::NoProducer) => (UNKNOWN, reasons::NO_PRODUCER, why.to_string()),
        Err(why @ Unknown::NoAnswer(_)) => (UNKNOWN, reasons::QUEUE_STATS_NOT_READ, why.to_string()),
        Ok(QueueStats { pending: ..=0, .. }) => (TRUE, reasons::BACKLOG_EMPTY, "no event waits".to_owned()),
        Ok(queue) if queue.oldest_pending_seconds.unwrap_or_default() > f64::from(late_after_seconds) => (
            FALSE,
            reasons::EVENTS_WAIT_TOO_LONG,
            format!("the oldest event that waits has done so for longer than {late_after_seconds} s"),
        ),
        Ok(_) => (
            TRUE,
            reasons::EVENTS_WAIT,
            format!("events wait, none of them for longer than {late_after_seconds} s"),
        ),
    }
}

/// Sets the condition. Until the queue was looked at for the first time, what was known before is known still.
pub(super) fn set_condition(
    conditions: &mut Conditions<'_>,
    seen: Option<&Observation>,
    late_after_seconds: i32,
) {
    match seen {
        Some(seen) => {
            let (status, reason, message) = verdict(&seen.queue, late_after_seconds);
            conditions.set(types::BACKLOG_IN_TIME, status, reason, &message);
        }
        None if conditions.keep(types::BACKLOG_IN_TIME) => {}
        None => {
            let why = "the queue has not been looked at yet";
            conditions.set(types::BACKLOG_IN_TIME, UNKNOWN, reasons::FIRST_SEEN, why);
        }
    }
}

/// Whether what was seen is not what is shown.
pub(super) fn is_news(shown: &EventPipelineStatus, seen: &Observation, late_after_seconds: i32) -> bool {
    let (status, reason, _) = verdict(&seen.queue, late_after_seconds);
    let condition = find(shown, types::BACKLOG_IN_TIME);
    condition.is_none_or(|condition| condition.status != status || condition.reason != reason)
        || figures(shown.queue.as_ref(), Some(seen)) != shown.queue
}
