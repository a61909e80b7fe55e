//! The operator's dashboard, with the metric names of controller-runtime and client-go.

use super::{job_and_instance, panel};
use crate::grafana::{Dashboard, Kind, Panel, Row, Unit};
use crate::promql::OPERATOR;

const CONTROLLER: &str = r#"controller="eventpipeline""#;
const QUEUE: &str = r#"name="eventpipeline""#;

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "eventpipeline-operator",
        title: "EventPipeline / Operator",
        description: "The operator: leader, reconciliations, API server requests and resource usage.",
        variables: job_and_instance("controller_runtime_max_concurrent_reconciles").into(),
        rows: vec![
            Row { title: "Now", panels: now() },
            Row { title: "Reconciliations", panels: reconciles() },
            Row { title: "Work queue", panels: work_queue() },
            Row { title: "API server and process", panels: process() },
        ],
    }
}

fn rate(by: &str, metric: &str, further: &str) -> String {
    let by = if by.is_empty() { String::new() } else { format!(" by ({by})") };
    let further = if further.is_empty() { String::new() } else { format!(", {further}") };
    format!("sum{by} (rate({metric}{{{OPERATOR}{further}}}[$__rate_interval]))")
}

fn quantile(share: &str, by: &str, histogram: &str, further: &str) -> String {
    format!("histogram_quantile({share}, {})", rate(by, &format!("{histogram}_bucket"), further))
}

/// Selects the operator's processes. Other processes export the same process metrics.
fn operators() -> String {
    format!("leader_election_master_status{{{OPERATOR}}}")
}

fn now() -> Vec<Panel> {
    let stat = (Kind::Stat, Unit::Count);
    vec![
        panel(
            stat,
            "Operators",
            "Operator processes that answer Prometheus. The chart runs two.",
            [("operators", format!("count(leader_election_master_status{{{OPERATOR}}})"))],
        ),
        panel(
            stat,
            "Leaders",
            "One operator leads, the others stand by. If there is none for longer than the lease duration, no pipeline is reconciled.",
            [("leaders", format!("sum(leader_election_master_status{{{OPERATOR}}})"))],
        ),
        panel(
            stat,
            "Pipelines",
            "Pipelines that the leader manages.",
            [(
                "pipelines",
                format!(
                    r#"count(eventpipeline_status_condition{{{OPERATOR}, condition="Ready", status="True"}})"#
                ),
            )],
        ),
        panel(
            stat,
            "Ready pipelines",
            "Pipelines whose condition Ready is true.",
            [(
                "ready",
                format!(
                    r#"sum(eventpipeline_status_condition{{{OPERATOR}, condition="Ready", status="True"}})"#
                ),
            )],
        ),
    ]
}

fn reconciles() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Stacked, Unit::PerSecond),
            "Reconciliations by result",
            "Reconciliations per second. A reconciliation of a pipeline that did not change writes nothing.",
            [("{{result}}", rate("result", "controller_runtime_reconcile_total", CONTROLLER))],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Failed reconciliations",
            "The API server refused a request or did not answer. Each reconciliation is retried after a backoff; the log has the error.",
            [("failed", rate("", "controller_runtime_reconcile_errors_total", CONTROLLER))],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Reconciliation duration",
            "50th and 99th percentile.",
            [
                ("50 %", quantile("0.5", "le", "controller_runtime_reconcile_time_seconds", CONTROLLER)),
                ("99 %", quantile("0.99", "le", "controller_runtime_reconcile_time_seconds", CONTROLLER)),
            ],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Workers",
            "Active reconciliations and their limit. If all workers are busy for long, the API server is slow.",
            [
                ("busy", format!("sum(controller_runtime_active_workers{{{OPERATOR}, {CONTROLLER}}})")),
                (
                    "limit",
                    format!("max(controller_runtime_max_concurrent_reconciles{{{OPERATOR}, {CONTROLLER}}})"),
                ),
            ],
        ),
    ]
}

fn work_queue() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::Count),
            "Pipelines in the queue",
            "Pipelines that wait for a worker. The queue is empty between changes.",
            [("waiting", format!("sum(workqueue_depth{{{OPERATOR}, {QUEUE}}})"))],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Queue additions and retries",
            "Pipelines added to the work queue per second, and retries after failures.",
            [
                ("added", rate("", "workqueue_adds_total", QUEUE)),
                ("retries", rate("", "workqueue_retries_total", QUEUE)),
            ],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Queue and work duration",
            "99th percentile of the time in the queue and of the time in a worker.",
            [
                ("queue", quantile("0.99", "le", "workqueue_queue_duration_seconds", QUEUE)),
                ("work", quantile("0.99", "le", "workqueue_work_duration_seconds", QUEUE)),
            ],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Longest running reconciliation",
            "Age of the oldest running reconciliation. It grows linearly if one hangs.",
            [("longest", format!("max(workqueue_longest_running_processor_seconds{{{OPERATOR}, {QUEUE}}})"))],
        ),
    ]
}

fn process() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Stacked, Unit::RequestsPerSecond),
            "API server requests",
            "Requests per second by method and status. A few 409 are normal, 403 is a missing permission, <error> is no response.",
            [("{{method}} {{code}}", rate("method, code", "rest_client_requests_total", ""))],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "API server latency, 99th percentile",
            "Latency by verb. High values mean a slow or distant API server.",
            [("{{verb}}", quantile("0.99", "verb, le", "rest_client_request_duration_seconds", ""))],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Leader by process",
            "1 for the leader, 0 for a standby.",
            [("{{instance}}", format!("sum by (instance) (leader_election_master_status{{{OPERATOR}}})"))],
        ),
        panel(
            (Kind::Lines, Unit::Bytes),
            "Memory",
            "Resident memory. It grows with the number of pipelines and their objects.",
            [(
                "{{instance}}",
                format!(
                    "sum by (instance) (process_resident_memory_bytes{{{OPERATOR}}} and on (job, instance) {})",
                    operators()
                ),
            )],
        ),
        panel(
            (Kind::Lines, Unit::Share),
            "CPU",
            "CPU usage as a share of one core.",
            [(
                "{{instance}}",
                format!(
                    "sum by (instance) (rate(process_cpu_seconds_total{{{OPERATOR}}}[$__rate_interval]) and on (job, instance) {})",
                    operators()
                ),
            )],
        ),
    ]
}
