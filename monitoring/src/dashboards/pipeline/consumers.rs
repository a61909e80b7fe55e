//! Panels of the consumers.

use super::super::panel;
use super::{quantile, rate};
use crate::grafana::{Color, Kind, Panel, Unit};
use crate::promql::CHOSEN;

pub(super) fn consumers() -> Vec<Vec<Panel>> {
    vec![durations(), outcomes(), holding(), claims()]
}

fn durations() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::Seconds),
            "Creation to value",
            "Time from an event's creation until its value is committed: 50th, 95th and 99th percentile. Scheduled and \
             retried events count from their creation, too.",
            [
                ("50 %", quantile("0.5", "", "eventpipeline_create_to_value_seconds", "")),
                ("95 %", quantile("0.95", "", "eventpipeline_create_to_value_seconds", "")),
                ("99 %", quantile("0.99", "", "eventpipeline_create_to_value_seconds", "")),
            ],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Handler duration, 95th percentile",
            "Duration of successful attempts, by group. If this dominates the time to a value, raise concurrency or add consumers.",
            [(
                "{{group}} {{outcome}}",
                quantile(
                    "0.95",
                    "group, outcome",
                    "eventpipeline_handle_duration_seconds",
                    r#", outcome="done""#,
                ),
            )],
        ),
    ]
}

fn outcomes() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Stacked, Unit::PerSecond),
            "Completed by consumer pod",
            "Events completed per second by each consumer.",
            [("{{pod}}", rate("pod", "eventpipeline_events_completed_total", ""))],
        ),
        panel(
            (Kind::Stacked, Unit::PerSecond),
            "Failed attempts",
            "Failed attempts per second, by what follows: a retry or a dead letter.",
            [("{{next}}", rate("next", "eventpipeline_events_failed_total", ""))],
        )
        .color("^retry$", Color::Warning)
        .color("^dead$", Color::Bad),
    ]
}

fn holding() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::Count),
            "In-flight and buffered events",
            "Events in a handler, and events that are claimed ahead. If in-flight events stay at their limit, the handler is the bottleneck.",
            [
                ("in flight", format!("sum(eventpipeline_events_in_flight{{{CHOSEN}}})")),
                ("buffered", format!("sum(eventpipeline_events_buffered{{{CHOSEN}}})")),
            ],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Lost and returned claims",
            "Reclaimed: the lease of a dead or hung consumer expired. Fenced: another consumer took the claim before the result was \
             written. Released: returned without an attempt, for example at shutdown.",
            [
                ("reclaimed", rate("eventpipeline", "eventpipeline_events_reclaimed_total", "")),
                ("fenced", rate("eventpipeline", "eventpipeline_events_fenced_total", "")),
                ("released", rate("eventpipeline", "eventpipeline_events_released_total", "")),
            ],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Batch size, 95th percentile",
            "Events per claim or completion statement. Batches grow under load.",
            [
                ("claim", quantile("0.95", "", "eventpipeline_batch_events", r#", operation="claim""#)),
                ("complete", quantile("0.95", "", "eventpipeline_batch_events", r#", operation="complete""#)),
            ],
        ),
    ]
}

fn claims() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Claim triggers of idle consumers",
            "Claims after a wake-up from a producer, or after polling. Polls alone mean that wake-ups are lost, which costs up to 100 ms.",
            [("{{kind}}", rate("kind", "eventpipeline_claim_triggers_total", ""))],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Scraped consumers",
            "Consumer processes that answer Prometheus, by group. If there are none and events wait, see EventPipelineConsumersAbsent.",
            [("{{group}}", format!(r#"sum by (group) (up{{{CHOSEN}, component="consumer"}})"#))],
        ),
    ]
}
