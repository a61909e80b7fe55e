//! Panels of the database as the programs see it.

use super::super::panel;
use super::{quantile, rate};
use crate::grafana::{Color, Kind, Panel, Unit};
use crate::promql::CHOSEN;

const OPERATIONS: &str = "db_client_operation_duration_seconds";
const BY: &str = "db_operation_name";
const LEGEND: &str = "{{db_operation_name}}";

pub(super) fn database() -> Vec<Vec<Panel>> {
    vec![operations(), failures(), sessions()]
}

/// Omits operations that did not run, because a program exports all that it knows.
fn operations() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Operations",
            "Database operations per second of producers and consumers. Each is one transaction or one statement.",
            [(LEGEND, format!("{} > 0", rate(BY, &format!("{OPERATIONS}_count"), "")))],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Operation duration, 99th percentile",
            "Including retries. If creations and completions are both slow, the disk's flushes are slow: check MySQL's volume.",
            [(LEGEND, format!("{} > 0", quantile("0.99", BY, OPERATIONS, "")))],
        ),
    ]
}

fn failures() -> Vec<Panel> {
    let all = rate("eventpipeline", &format!("{OPERATIONS}_count"), "");
    let failed = rate("eventpipeline", &format!("{OPERATIONS}_count"), r#", error_type!="""#);
    vec![
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Failed operations",
            "The database did not answer or refused the operation. The programs retry.",
            [("failed", format!("{failed} or 0 * {all}"))],
        )
        .color("^failed$", Color::Bad),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Transactions retried because of locks",
            "MySQL rolled them back because of a deadlock or a lock wait. A few are normal; many indicate a foreign program that locks many rows.",
            [("retried", rate("eventpipeline", "eventpipeline_database_lock_retries_total", ""))],
        )
        .color("^retried$", Color::Warning),
        panel(
            (Kind::Lines, Unit::YesNo),
            "Pods that can use the database",
            "No for a component while none of its pods has a database that answers, accepts writes and has the schema.",
            [
                ("producers", usable("producer")),
                ("consumers", usable("consumer")),
            ],
        )
    ]
}

fn usable(component: &str) -> String {
    format!(r#"max(eventpipeline_database_usable{{{CHOSEN}, component="{component}"}})"#)
}

fn sessions() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::Count),
            "Connections",
            "Open connections by pod, and the limit of all pods together. MySQL's max_connections must be higher than this limit.",
            [
                ("{{pod}}", format!("sum by (pod) (db_client_connection_count{{{CHOSEN}}})")),
                ("limit of all pods", format!("sum(db_client_connection_max{{{CHOSEN}}})")),
            ],
        )
        .limit("limit of all pods"),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Offset of the database's clock",
            "Difference between the clocks of the database and of a pod. From 5 minutes on, that pod stops removing finished events.",
            [("{{pod}}", format!("max by (pod) (abs(eventpipeline_database_clock_offset_seconds{{{CHOSEN}}}))"))],
        ),
    ]
}
