//! The queue as the database has it. Every producer shows the whole of it: the largest value is the latest.

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
            "Whether everything is there that the pipeline asks for, as the operator sees it.",
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
            "Events that were ever created, whoever created them.",
            [("created", format!("max(eventpipeline_events_counted{{{CHOSEN}}})"))],
        ),
        panel(
            stat,
            "Waiting",
            "Events that are due and that no consumer has claimed.",
            [("waiting", events("pending"))],
        ),
        panel(
            (Kind::Stat, Unit::Seconds),
            "Oldest waiting",
            "How long the first in line has waited.",
            [("oldest", oldest())],
        ),
        panel(
            stat,
            "Dead letters",
            "Events that failed in every attempt. `eventpipeline list --state dead` shows them with their errors.",
            [("dead", events("dead"))],
        ),
        panel(
            stat,
            "Missing in the ledger",
            "Events created, less those that are in any state or were removed. Anything but 0 that stays is a defect.",
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
            "Events that are not finished, by state",
            "Pending are due and wait; scheduled are not due yet, new ones or ones that failed; processing are claimed.",
            [(
                "{{state}}",
                format!(
                    r#"max by (state) (eventpipeline_events{{{CHOSEN}, state=~"pending|scheduled|processing"}})"#
                ),
            )],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Age of the oldest waiting event",
            "How long the first in line has waited. It grows by a second a second while nobody consumes.",
            [("oldest", oldest())],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Created against completed",
            "Where more is created than completed for long, the backlog grows: add consumers.",
            [
                ("created", rate("eventpipeline", "eventpipeline_events_created_total", "")),
                ("completed", rate("eventpipeline", "eventpipeline_events_completed_total", "")),
            ],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Ledger: events by state",
            "Where all the events are that were ever created: their sum is what was created, at every moment.",
            [("{{state}}", format!("max by (state) (eventpipeline_events{{{CHOSEN}}})"))],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Age of the ledger's figures",
            "How long ago a producer has read the queue's figures. Minutes mean that the database does not answer, and that the \
             panels of this row show the past.",
            [("age", format!("time() - max(eventpipeline_queue_stats_timestamp_seconds{{{CHOSEN}}})"))],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Removed after retention",
            "Finished events that the consumers remove a second because they are older than the pipeline keeps them.",
            [("{{state}}", rate("state", "eventpipeline_events_removed_total", ""))],
        ),
    ]
}
