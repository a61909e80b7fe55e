//! Panels of the queue. Every producer exports the statistics of the whole queue; the largest value is the latest.

use super::super::{age_levels, panel};
use super::rate;
use crate::grafana::{Color, Kind, Levels, Panel, Unit};
use crate::promql::CHOSEN;

/// Age of the queue statistics at which `EventPipelineQueueStatsStale` becomes pending, in seconds.
const STALE: f64 = 300.0;

pub(super) fn events(state: &str) -> String {
    format!(r#"max(eventpipeline_events{{{CHOSEN}, state="{state}"}})"#)
}

pub(super) fn oldest() -> String {
    format!("max(eventpipeline_oldest_pending_age_seconds{{{CHOSEN}}})")
}

pub(super) fn queue() -> Vec<Vec<Panel>> {
    vec![backlog(), lanes(), flow(), upkeep()]
}

fn backlog() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::Count),
            "Unfinished events by state",
            "Pending events are due and wait. Scheduled events are not due yet: new ones, or ones that failed. Blocked events wait for earlier events of their key. Processing events are claimed.",
            [(
                "{{state}}",
                format!(
                    r#"max by (state) (eventpipeline_events{{{CHOSEN}, state=~"pending|scheduled|blocked|processing"}})"#
                ),
            )],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Age of the oldest pending event",
            "Waiting time of the first event of the queue. It grows linearly while nothing is consumed.",
            [("oldest", oldest())],
        )
        .levels(age_levels()),
    ]
}

/// Panels of pipelines whose groups of consumers select types.
fn lanes() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::Count),
            "Pending events by lane",
            "Events that wait for a group of consumers, if groups select types. Events whose type no group selects wait in the \
             default lane.",
            [(
                "{{lane}}",
                format!(r#"max by (lane) (eventpipeline_lane_events{{{CHOSEN}, state="pending"}})"#),
            )],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Pending events by type",
            "Types of the first 1000 pending events of each lane.",
            [(
                "{{type}}",
                format!(
                    "sum by (type) (max by (lane, type) (eventpipeline_type_pending_events{{{CHOSEN}}}))"
                ),
            )],
        ),
    ]
}

fn flow() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Created and completed",
            "If more events are created than completed for long, the backlog grows: add consumers.",
            [
                ("created", rate("eventpipeline", "eventpipeline_events_created_total", "")),
                ("completed", rate("eventpipeline", "eventpipeline_events_completed_total", "")),
            ],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Ledger: events by state",
            "States of all events ever created. Their sum equals the number created at every moment.",
            [("{{state}}", format!("max by (state) (eventpipeline_events{{{CHOSEN}}})"))],
        )
        .color("^dead$", Color::Bad),
    ]
}

fn upkeep() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::Seconds),
            "Age of the queue statistics",
            "Time since a producer last read the queue statistics. If it is minutes, the database does not answer and the panels \
             of this row are out of date.",
            [("age", format!("time() - max(eventpipeline_queue_stats_timestamp_seconds{{{CHOSEN}}})"))],
        )
        .levels(Levels::warning_from(STALE)),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Removed after retention",
            "Finished events per second that producers remove after their retention.",
            [("{{state}}", rate("state", "eventpipeline_events_removed_total", ""))],
        ),
    ]
}
