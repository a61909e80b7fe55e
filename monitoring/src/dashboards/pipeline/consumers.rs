//! Panels of the consumers, the database and the processes.

use super::super::panel;
use super::{quantile, rate};
use crate::grafana::{Kind, Panel, Unit};
use crate::promql::CHOSEN;

pub(super) fn consumers() -> Vec<Panel> {
    [handling(), holding()].into_iter().flatten().collect()
}

fn handling() -> Vec<Panel> {
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
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Failed attempts",
            "Failed attempts per second, by what follows: a retry or a dead letter.",
            [("{{next}}", rate("next", "eventpipeline_events_failed_total", ""))],
        ),
        panel(
            (Kind::Stacked, Unit::PerSecond),
            "Completed by consumer pod",
            "Events completed per second by each consumer.",
            [("{{pod}}", rate("pod", "eventpipeline_events_completed_total", ""))],
        ),
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
            (Kind::Lines, Unit::Count),
            "Batch size, 95th percentile",
            "Events per claim or completion statement. Batches grow under load.",
            [("{{operation}}", quantile("0.95", "operation", "eventpipeline_batch_events", ""))],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Claim triggers of idle consumers",
            "Claims after a wake-up from a producer, or after polling. Polls alone mean that wake-ups are lost, which costs up to 100 ms.",
            [("{{kind}}", rate("kind", "eventpipeline_claim_triggers_total", ""))],
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
            "Scraped consumers",
            "Consumer processes that answer Prometheus, by group. If there are none and events wait, see EventPipelineConsumersAbsent.",
            [("{{group}}", format!(r#"sum by (group) (up{{{CHOSEN}, component="consumer"}})"#))],
        ),
    ]
}

pub(super) fn database() -> Vec<Panel> {
    const OPERATIONS: &str = "db_client_operation_duration_seconds";
    let by = "db_operation_name";
    let all = rate("eventpipeline", &format!("{OPERATIONS}_count"), "");
    let failed = rate("eventpipeline", &format!("{OPERATIONS}_count"), r#", error_type!="""#);
    vec![
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Operations",
            "Database operations per second of producers and consumers. Each is one transaction or one statement.",
            [("{{db_operation_name}}", rate(by, &format!("{OPERATIONS}_count"), ""))],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Operation duration, 99th percentile",
            "Including retries. If creations and completions are both slow, the disk's flushes are slow: check MySQL's volume.",
            [("{{db_operation_name}}", quantile("0.99", by, OPERATIONS, ""))],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Failed operations",
            "The database did not answer or refused the operation. The programs retry.",
            [("failed", format!("{failed} or 0 * {all}"))],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Transactions retried because of locks",
            "MySQL rolled them back because of a deadlock or a lock wait. A few are normal; many indicate a foreign program that locks many rows.",
            [("{{db_operation_name}}", rate(by, "eventpipeline_database_lock_retries_total", ""))],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Connections",
            "Open connections by pod, and the limit of all pods together. MySQL's max_connections must be higher than this limit.",
            [
                ("{{pod}}", format!("sum by (pod) (db_client_connection_count{{{CHOSEN}}})")),
                ("limit of all pods", format!("sum(db_client_connection_max{{{CHOSEN}}})")),
            ],
        ),
    ]
}

pub(super) fn processes() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::Share),
            "CPU",
            "CPU usage of each pod as a share of one core.",
            [("{{pod}}", rate("pod", "process_cpu_seconds_total", ""))],
        ),
        panel(
            (Kind::Lines, Unit::Bytes),
            "Memory",
            "Resident memory of each pod. It levels off, because request and response buffers are bounded.",
            [("{{pod}}", format!("sum by (pod) (process_resident_memory_bytes{{{CHOSEN}}})"))],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Versions",
            "Processes per version. A rollout shows two lines.",
            [(
                "{{component}} {{version}}",
                format!("sum by (component, version) (eventpipeline_build_info{{{CHOSEN}}})"),
            )],
        ),
    ]
}
