//! The operator's dashboard, with the metric names of controller-runtime and client-go.

use super::{job_and_instance, panel};
use crate::grafana::{Color, Dashboard, Kind, Levels, Panel, Row, Unit};
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
            Row { title: "Now", lines: vec![now()] },
            Row { title: "Reconciliations", lines: vec![outcomes(), effort()] },
            Row { title: "Work queue", lines: vec![work_queue(), delays()] },
            Row { title: "API server", lines: vec![api_server()] },
            Row { title: "Processes", lines: vec![leadership(), resources()] },
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

/// Returns the values of a pipeline condition, one per pipeline: 1 if it is true.
fn condition(condition: &str) -> String {
    format!(r#"eventpipeline_status_condition{{{OPERATOR}, condition="{condition}", status="True"}}"#)
}

fn now() -> Vec<Panel> {
    let stat = (Kind::Stat, Unit::Count);
    vec![
        panel(
            stat,
            "Operators",
            "Operator processes that answer Prometheus. The chart runs two; with one, nothing stands by.",
            [("operators", format!("count({})", operators()))],
        )
        .levels(Levels::high_is_good(1.0, 2.0)),
        panel(
            stat,
            "Leaders",
            "One operator leads, the others stand by. If there is none for longer than the lease duration, no pipeline is reconciled.",
            [("leaders", format!("sum({})", operators()))],
        )
        .levels(Levels::good_from(1.0)),
        panel(
            (Kind::Stat, Unit::YesNo),
            "Working",
            "No while the leader cannot do its work. Its readiness probe says why.",
            [("working", format!("min(eventpipeline_operator_working{{{OPERATOR}}})"))],
        )
        .levels(Levels::good_from(1.0)),
        panel(
            stat,
            "Pipelines",
            "Pipelines that the leader manages.",
            [("pipelines", format!("count({})", condition("Ready")))],
        ),
        panel(
            stat,
            "Not ready",
            "Pipelines whose condition Ready is not true.",
            [("not ready", format!("sum(1 - {})", condition("Ready")))],
        )
        .levels(Levels::warning_from(1.0)),
        panel(
            stat,
            "Stalled",
            "Pipelines that need intervention. The condition Stalled says how.",
            [("stalled", format!("sum({})", condition("Stalled")))],
        )
        .levels(Levels::bad_from(1.0)),
    ]
}

fn outcomes() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Stacked, Unit::PerSecond),
            "Reconciliations by result",
            "Reconciliations per second. A reconciliation of a pipeline that did not change writes nothing.",
            [("{{result}}", rate("result", "controller_runtime_reconcile_total", CONTROLLER))],
        )
        .color("^success$", Color::Good)
        .color("^error$", Color::Bad),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Failed reconciliations",
            "The API server refused a request or did not answer. Each reconciliation is retried after a backoff; the log has the error.",
            [("failed", rate("", "controller_runtime_reconcile_errors_total", CONTROLLER))],
        )
        .color("^failed$", Color::Bad),
    ]
}

fn effort() -> Vec<Panel> {
    vec![
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
        )
        .limit("limit"),
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
        )
        .color("^retries$", Color::Warning),
    ]
}

fn delays() -> Vec<Panel> {
    vec![
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

fn api_server() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Stacked, Unit::RequestsPerSecond),
            "API server requests",
            "Requests per second by method and status. A few 409 are normal, 403 is a missing permission, <error> is no response.",
            [(
                "{{method}} {{code}}",
                format!("{} > 0", rate("method, code", "rest_client_requests_total", "")),
            )],
        )
        .color(" (5|<error>)", Color::Bad)
        .color(" 4", Color::Warning),
        panel(
            (Kind::Lines, Unit::Seconds),
            "API server latency, 99th percentile",
            "Latency by verb. High values mean a slow or distant API server.",
            [("{{verb}}", quantile("0.99", "verb, le", "rest_client_request_duration_seconds", ""))],
        ),
    ]
}

fn leadership() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::YesNo),
            "Leader by process",
            "Yes for the leader, no for a standby.",
            [("{{pod}}", format!("sum by (pod) ({})", operators()))],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Rollouts after an upgrade",
            "Pipelines that restart their pods although their spec is unchanged, and pipelines that wait for their turn.",
            [
                ("active", format!("sum(eventpipeline_operator_active_rollouts{{{OPERATOR}}})")),
                ("waiting", format!("sum(eventpipeline_operator_waiting_rollouts{{{OPERATOR}}})")),
            ],
        ),
    ]
}

fn resources() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::Bytes),
            "Memory",
            "Resident memory. It grows with the number of pipelines and their objects.",
            [(
                "{{pod}}",
                format!(
                    "sum by (pod) (process_resident_memory_bytes{{{OPERATOR}}} and on (job, instance) {})",
                    operators()
                ),
            )],
        ),
        panel(
            (Kind::Lines, Unit::Share),
            "CPU",
            "CPU usage as a share of one core.",
            [(
                "{{pod}}",
                format!(
                    "sum by (pod) (rate(process_cpu_seconds_total{{{OPERATOR}}}[$__rate_interval]) and on (job, instance) {})",
                    operators()
                ),
            )],
        ),
    ]
}
