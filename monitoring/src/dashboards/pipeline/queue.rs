//! Panels of the queue. Every producer exports the statistics of the whole queue; the largest value is the latest.

use super::super::panel;
use super::rate;
use crate::grafana::{Kind, Panel, Unit};
use crate::promql::CHOSEN;

fn events(state: &str) -> String {
    format!(r#"max(eventpipeline_events{{{CHOSEN}, state="{state}"}})"#)
}

fn oldest() -> String {
    format!("max(eventpipeline_oldest_pending_age_seconds{{{CHOSEN}}})")
}

pub(super) fn now() -> Vec<Panel> {
    let stat = (Kind::Stat, Unit::Count);
    vec![
        panel(
            (Kind::Stat, Unit::YesNo),
            "Ready",
            "1 if all parts of the pipeline are ready, as the operator sees it.",
            [(
                "ready",
                format!(
                    r#"max(eventpipeline_status_condition{{{CHOSEN}, condition="Ready", status="True"}})"#
                ),
            )],
        ),
        panel(
            stat,
            "Created",
            "Events ever created, by any program.",
            [("created", format!("max(eventpipeline_events_counted{{{CHOSEN}}})"))],
        ),
        panel(stat, "Pending", "Due events that no consumer has claimed.", [("pending", events("pending"))]),
        panel(
            (Kind::Stat, Unit::Seconds),
            "Oldest pending",
            "Waiting time of the first event of the queue.",
            [("oldest", oldest())],
        ),
        panel(
            stat,
            "Dead letters",
            "Events that exhausted their attempts. `eventpipeline list --state dead` shows them with their errors.",
            [("dead", events("dead"))],
        ),
        panel(
            stat,
            "Missing in the ledger",
            "Events created minus events stored and removed. A lasting value other than 0 is a defect.",
            [(
                "missing",
                format!(
                    "max(abs(sum without (state) (eventpipeline_events{{{CHOSEN}}}) - \
                     eventpipeline_events_counted{{{CHOSEN}}}))"
                ),
            )],
        ),
    ]
}

pub(super) fn queue() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::Count),
            "Unfinished events by state",
            "Pending events are due and wait. Scheduled events are not due yet: new ones, or ones that failed. Processing events are claimed.",
            [(
                "{{state}}",
                format!(
                    r#"max by (state) (eventpipeline_events{{{CHOSEN}, state=~"pending|scheduled|processing"}})"#
                ),
            )],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Age of the oldest pending event",
            "Waiting time of the first event of the queue. It grows linearly while nothing is consumed.",
            [("oldest", oldest())],
        ),
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
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Age of the queue statistics",
            "Time since a producer last read the queue statistics. If it is minutes, the database does not answer and the panels \
             of this row are out of date.",
            [("age", format!("time() - max(eventpipeline_queue_stats_timestamp_seconds{{{CHOSEN}}})"))],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Removed after retention",
            "Finished events per second that producers remove after their retention.",
            [("{{state}}", rate("state", "eventpipeline_events_removed_total", ""))],
        ),
    ]
}
