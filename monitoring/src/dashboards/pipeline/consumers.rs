//! What becomes of the events, the database behind it all, and the processes.

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
            "Time from an event's creation until its value was committed: half of the events, 95 % and 99 % are quicker. Events \
             that were created for later, or that failed before, count from their creation too.",
            [
                ("50 %", quantile("0.5", "", "eventpipeline_create_to_value_seconds", "")),
                ("95 %", quantile("0.95", "", "eventpipeline_create_to_value_seconds", "")),
                ("99 %", quantile("0.99", "", "eventpipeline_create_to_value_seconds", "")),
            ],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Time in the handler, 95 % are quicker than",
            "By how it ended. Where this is most of the time to a value, the handler decides: more concurrency or more consumers.",
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
            "Attempts a second that failed, by what comes next: another attempt, or the end as a dead letter.",
            [("{{next}}", rate("next", "eventpipeline_events_failed_total", ""))],
        ),
        panel(
            (Kind::Stacked, Unit::PerSecond),
            "Completed by consumer pod",
            "Answers a second that each consumer has written down.",
            [("{{pod}}", rate("pod", "eventpipeline_events_completed_total", ""))],
        ),
    ]
}

fn holding() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::Count),
            "Events in hand",
            "Events being handled, and claimed ahead of that. In flight at its limit all the time means that the handler decides.",
            [
                ("in flight", format!("sum(eventpipeline_events_in_flight{{{CHOSEN}}})")),
                ("claimed ahead", format!("sum(eventpipeline_events_buffered{{{CHOSEN}}})")),
            ],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Batch sizes, 95 % are smaller than",
            "How many events are claimed, or answered, by one statement: more under load, which is what makes it cheap.",
            [("{{operation}}", quantile("0.95", "operation", "eventpipeline_batch_events", ""))],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Wake-ups of idle consumers",
            "By a wake-up of a producer, or by a look of their own. Looks alone mean that wake-ups are lost, which costs up to 100 ms.",
            [("{{kind}}", rate("kind", "eventpipeline_claim_triggers_total", ""))],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Claims that were not kept",
            "Reclaimed: left by a consumer that died, or hung. Fenced: lost to somebody else before the answer. Released: given \
             back in order, as when a pod ends.",
            [
                ("reclaimed", rate("eventpipeline", "eventpipeline_events_reclaimed_total", "")),
                ("fenced", rate("eventpipeline", "eventpipeline_events_fenced_total", "")),
                ("released", rate("eventpipeline", "eventpipeline_events_released_total", "")),
            ],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Consumers that are scraped",
            "Processes that answer Prometheus, by group. None although events wait: see the alert EventPipelineConsumersAbsent.",
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
            "What the producers and consumers do in the database a second; each is one transaction or one statement.",
            [("{{db_operation_name}}", rate(by, &format!("{OPERATIONS}_count"), ""))],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Time of an operation, 99 % are quicker than",
            "With its retries. Where creations and completions are slow together, the disk's flushes are: see MySQL's volume.",
            [("{{db_operation_name}}", quantile("0.99", by, OPERATIONS, ""))],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Operations that failed",
            "The database did not answer, or refused. The programs try again by themselves.",
            [("failed", format!("{failed} or 0 * {all}"))],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Transactions tried again for their locks",
            "MySQL rolled them back for a deadlock or a wait. Some are normal; many mean a foreign program that locks widely.",
            [("{{db_operation_name}}", rate(by, "eventpipeline_database_lock_retries_total", ""))],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Connections",
            "Open connections by pod, and the most that all of them may open: MySQL's max_connections has to be above that.",
            [
                ("{{pod}}", format!("sum by (pod) (db_client_connection_count{{{CHOSEN}}})")),
                ("most of all", format!("sum(db_client_connection_max{{{CHOSEN}}})")),
            ],
        ),
    ]
}

pub(super) fn processes() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::Share),
            "Processor",
            "Cores that each pod uses, as a share of one.",
            [("{{pod}}", rate("pod", "process_cpu_seconds_total", ""))],
        ),
        panel(
            (Kind::Lines, Unit::Bytes),
            "Memory",
            "Resident memory of each pod. Bodies and answers are bounded: it levels off.",
            [("{{pod}}", format!("sum by (pod) (process_resident_memory_bytes{{{CHOSEN}}})"))],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Versions",
            "How many processes run each version: two lines during a rollout.",
            [(
                "{{component}} {{version}}",
                format!("sum by (component, version) (eventpipeline_build_info{{{CHOSEN}}})"),
            )],
        ),
    ]
}
