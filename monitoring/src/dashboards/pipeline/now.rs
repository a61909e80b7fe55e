//! The present state as large numbers.

use super::super::{age_levels, failure_levels, panel};
use super::queue::{events, oldest};
use super::storage::{capacity, room};
use super::{failed_requests, quantile, rate};
use crate::grafana::{Kind, Levels, Panel, Unit};
use crate::promql::CHOSEN;

/// Returns the numbers that are colored by how good they are.
pub(super) fn health() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Stat, Unit::YesNo),
            "Ready",
            "Yes if all parts of the pipeline are ready, as the operator sees it.",
            [(
                "ready",
                format!(
                    r#"max(eventpipeline_status_condition{{{CHOSEN}, condition="Ready", status="True"}})"#
                ),
            )],
        )
        .levels(Levels::good_from(1.0)),
        panel(
            (Kind::Stat, Unit::Seconds),
            "Oldest pending",
            "Waiting time of the first event of the queue.",
            [("oldest", oldest())],
        )
        .levels(age_levels()),
        panel(
            (Kind::Stat, Unit::Count),
            "Dead letters",
            "Events that exhausted their attempts. `eventpipeline list --state dead` shows them with their errors.",
            [("dead", events("dead"))],
        )
        .levels(Levels::warning_from(1.0)),
        panel(
            (Kind::Stat, Unit::Share),
            "Failed requests",
            "Share of requests answered with 5xx. Orange above the error budget of the availability objective.",
            [("failed", failed_requests())],
        )
        .levels(failure_levels()),
        panel(
            (Kind::Stat, Unit::Share),
            "Space for events",
            "Share of the database's volume that events can use. External databases have no such figure.",
            [("free", format!("{} / {}", room(), capacity()))],
        )
        .levels(Levels::high_is_good(0.1, 0.25)),
        panel(
            (Kind::Stat, Unit::Count),
            "Missing in the ledger",
            "Events created minus events stored and removed. A lasting value other than 0 is a defect.",
            [(
                "missing",
                format!(
                    "max(abs(sum without (state) (eventpipeline_events{{{CHOSEN}}}) - \
                     eventpipeline_events_counted{{{CHOSEN}}}))"
                ),
            )],
        )
        .levels(Levels::bad_from(1.0)),
    ]
}

/// Returns the numbers of the work that is done and waits.
pub(super) fn work() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Stat, Unit::Count),
            "Events",
            "Events ever created, by any program.",
            [("created", format!("max(eventpipeline_events_counted{{{CHOSEN}}})"))],
        ),
        panel(
            (Kind::Stat, Unit::PerSecond),
            "Created",
            "Events created per second.",
            [("created", rate("eventpipeline", "eventpipeline_events_created_total", ""))],
        ),
        panel(
            (Kind::Stat, Unit::PerSecond),
            "Completed",
            "Events completed per second.",
            [("completed", rate("eventpipeline", "eventpipeline_events_completed_total", ""))],
        ),
        panel(
            (Kind::Stat, Unit::Count),
            "Pending",
            "Due events that no consumer has claimed.",
            [("pending", events("pending"))],
        ),
        panel(
            (Kind::Stat, Unit::Seconds),
            "Creation to value, 95 %",
            "95 % of the events have their value within this time.",
            [("95 %", quantile("0.95", "", "eventpipeline_create_to_value_seconds", ""))],
        ),
        panel(
            (Kind::Stat, Unit::Count),
            "Consumers",
            "Consumer processes that answer Prometheus.",
            [("consumers", format!(r#"sum(up{{{CHOSEN}, component="consumer"}})"#))],
        )
        .levels(Levels::good_from(1.0)),
    ]
}
