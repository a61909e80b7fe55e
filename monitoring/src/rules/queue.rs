//! Rules about the queue: backlog, dead letters, the ledger and clocks.

use std::time::Duration;

use super::{Group, Rule, Severity, Threshold, alert, record};
use crate::promql::PIPELINE;

const OLDEST: &str = "namespace_eventpipeline:eventpipeline_oldest_pending_age_seconds:max";
const EVENTS: &str = "namespace_eventpipeline_state:eventpipeline_events:max";
const DIFFERENCE: &str = "namespace_eventpipeline:eventpipeline_events_missing:max";
const READ: &str = "namespace_eventpipeline:eventpipeline_queue_stats_timestamp_seconds:max";
const DEAD: &str = "namespace_eventpipeline:eventpipeline_events_dead:increase15m";
const CLOCK: &str = "namespace_eventpipeline:eventpipeline_database_clock_offset_seconds:max";
const FAILED: &str = "namespace_eventpipeline:eventpipeline_events_failed:ratio_rate5m";

pub(super) fn group() -> Group {
    let mut rules = records();
    rules.extend([backlog_late(), consumers_absent(), dead_letters(), handler_fails()].map(Rule::Alert));
    rules.extend([ledger_broken(), queue_stats_stale(), clock_wrong(), deferred()].map(Rule::Alert));
    Group { name: "eventpipeline.queue".to_owned(), rules }
}

/// Returns the recording rules. Every producer exports the statistics of the whole queue; the largest value is recorded.
fn records() -> Vec<Rule> {
    let max = |metric: &str| format!("max by ({PIPELINE}) ({metric})");
    vec![
        record(OLDEST, max("eventpipeline_oldest_pending_age_seconds")),
        record(EVENTS, format!("max by ({PIPELINE}, state) (eventpipeline_events)")),
        // Per process, because a process reads its values together.
        record(
            DIFFERENCE,
            max("abs(sum without (state) (eventpipeline_events) - eventpipeline_events_counted)"),
        ),
        record(READ, max("eventpipeline_queue_stats_timestamp_seconds")),
        record(CLOCK, max("abs(eventpipeline_database_clock_offset_seconds)")),
        record(
            DEAD,
            format!(
                "sum by ({PIPELINE}) (increase(eventpipeline_events_failed_total{{next=\"dead\"}}[15m])) + \
                 sum by ({PIPELINE}) (increase(eventpipeline_events_reclaimed_total{{outcome=\"dead\"}}[15m]))"
            ),
        ),
        record(
            FAILED,
            format!(
                "sum by ({PIPELINE}) (rate(eventpipeline_events_failed_total[5m])) / \
                 (sum by ({PIPELINE}) (rate(eventpipeline_events_failed_total[5m])) + \
                 sum by ({PIPELINE}) (rate(eventpipeline_events_completed_total[5m])))"
            ),
        ),
    ]
}

fn backlog_late() -> super::Alert {
    alert(
        "EventPipelineBacklogLate",
        (Severity::Critical, Duration::from_mins(2)),
        format!("{OLDEST} > {}", Threshold::BacklogLateSeconds),
        "Events are waiting too long.",
        format!(
            "The oldest due event of {{{{ $labels.namespace }}}}/{{{{ $labels.eventpipeline }}}} has been waiting for \
             {{{{ $value | humanizeDuration }}}}, more than {} s.",
            Threshold::BacklogLateSeconds
        ),
    )
}

fn consumers_absent() -> super::Alert {
    alert(
        "EventPipelineConsumersAbsent",
        (Severity::Critical, Duration::from_mins(5)),
        format!(
            "(max without (state) ({EVENTS}{{state=\"pending\"}}) > 0) unless on ({PIPELINE}) \
             (sum by ({PIPELINE}) (up{{component=\"consumer\"}}) > 0)"
        ),
        "Events are waiting, and no consumer is running.",
        "{{ $value }} events of {{ $labels.namespace }}/{{ $labels.eventpipeline }} are pending, and none of its consumers answers \
         Prometheus.",
    )
}

fn dead_letters() -> super::Alert {
    alert(
        "EventPipelineDeadLetters",
        (Severity::Warning, Duration::ZERO),
        format!("{DEAD} > 0"),
        "Events exhausted their attempts.",
        "Dead letters of {{ $labels.namespace }}/{{ $labels.eventpipeline }} in the last 15 minutes: {{ printf \"%.0f\" $value }}. \
         Some may have been retried or removed since.",
    )
}

fn handler_fails() -> super::Alert {
    alert(
        "EventPipelineHandlerFailing",
        (Severity::Warning, Duration::from_mins(10)),
        format!("{FAILED} > {}", Threshold::HandlerFailureRatio),
        "Handler attempts are failing.",
        "{{ $value | humanizePercentage }} of the attempts of {{ $labels.namespace }}/{{ $labels.eventpipeline }} fail. Events \
         are retried with backoff, and become dead letters after their last attempt.",
    )
}

fn ledger_broken() -> super::Alert {
    alert(
        "EventPipelineLedgerBroken",
        (Severity::Critical, Duration::from_mins(3)),
        format!("{DIFFERENCE} > 0"),
        "The counts of created, stored and removed events do not add up.",
        "{{ $value }} events of {{ $labels.namespace }}/{{ $labels.eventpipeline }} are missing, or exist without having been \
         counted.",
    )
}

/// Fires if the queue statistics are old. Without it, alerts about the backlog would be silently blind.
fn queue_stats_stale() -> super::Alert {
    alert(
        "EventPipelineQueueStatsStale",
        (Severity::Warning, Duration::from_mins(2)),
        format!("time() - {READ} > {}", Threshold::QueueStatsSeconds),
        "The queue statistics are out of date.",
        "No producer of {{ $labels.namespace }}/{{ $labels.eventpipeline }} has read the queue statistics for \
         {{ $value | humanizeDuration }}, so alerts about its backlog cannot fire.",
    )
}

/// Fires before the programs stop removing events, which they do at an offset of five minutes.
fn clock_wrong() -> super::Alert {
    alert(
        "EventPipelineClockWrong",
        (Severity::Warning, Duration::from_mins(5)),
        format!("{CLOCK} > {}", Threshold::ClockOffsetSeconds),
        "The clocks of the database and of a program differ.",
        "The clock of the database of {{ $labels.namespace }}/{{ $labels.eventpipeline }} and the clock of one of its pods differ by \
         {{ $value | humanizeDuration }}. At 5 minutes and more that pod stops removing finished events.",
    )
}

/// Fires for results that the database does not accept. A consumer retries them apart from the others.
fn deferred() -> super::Alert {
    alert(
        "EventPipelineCompletionsDeferred",
        (Severity::Warning, Duration::from_mins(10)),
        format!("sum by ({PIPELINE}) (eventpipeline_deferred_completions) > 0"),
        "The database does not accept some results.",
        "{{ $value }} results of {{ $labels.namespace }}/{{ $labels.eventpipeline }} could not be written for 10 minutes; the \
         consumers' logs name the events and the server's error.",
    )
}
