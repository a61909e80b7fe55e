//! The operator, under controller-runtime's and client-go's names.

use super::{job_and_instance, panel};
use crate::grafana::{Dashboard, Kind, Panel, Row, Unit};
use crate::promql::OPERATOR;

const CONTROLLER: &str = r#"controller="eventpipeline""#;
const QUEUE: &str = r#"name="eventpipeline""#;

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "eventpipeline-operator",
        title: "EventPipeline / Operator",
        description: "The operator: who leads, what it reconciles, what it asks of the API server, what it uses.",
        variables: job_and_instance("controller_runtime_max_concurrent_reconciles").into(),
        rows: vec![
            Row { title: "Now", panels: now() },
            Row { title: "Reconciles", panels: reconciles() },
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

/// Which processes are operators: others have the same figures of theirs.
fn operators() -> String {
    format!("leader_election_master_status{{{OPERATOR}}}")
}

fn now() -> Vec<Panel> {
    let stat = (Kind::Stat, Unit::Count);
    vec![
        panel(
            stat,
            "Operators",
            "Processes that answer Prometheus. The chart runs two.",
            [("operators", format!("count(leader_election_master_status{{{OPERATOR}}})"))],
        ),
        panel(
            stat,
            "Leaders",
            "One works, the others stand by. None for longer than the Lease lasts: no pipeline is looked after.",
            [("leaders", format!("sum(leader_election_master_status{{{OPERATOR}}})"))],
        ),
        panel(
            stat,
            "Pipelines",
            "Pipelines that the leader knows.",
            [(
                "pipelines",
                format!(
                    r#"count(eventpipeline_status_condition{{{OPERATOR}, condition="Ready", status="True"}})"#
                ),
            )],
        ),
        panel(
            stat,
            "Pipelines that are ready",
            "Those whose condition Ready is true.",
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
            "Reconciles by result",
            "How often a second a pipeline was compared with what is there. A steady pipeline is looked at, and not written to.",
            [("{{result}}", rate("result", "controller_runtime_reconcile_total", CONTROLLER))],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Reconciles that failed",
            "The API server refused something or did not answer. Each is tried again after a pause; the log says why it failed.",
            [("failed", rate("", "controller_runtime_reconcile_errors_total", CONTROLLER))],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Time of a reconcile",
            "Half of the reconciles, and 99 % of them, are quicker.",
            [
                ("50 %", quantile("0.5", "le", "controller_runtime_reconcile_time_seconds", CONTROLLER)),
                ("99 %", quantile("0.99", "le", "controller_runtime_reconcile_time_seconds", CONTROLLER)),
            ],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Workers",
            "Reconciles under way, and how many may be at once. All of them busy for long means that the API server is slow.",
            [
                ("busy", format!("sum(controller_runtime_active_workers{{{OPERATOR}, {CONTROLLER}}})")),
                (
                    "at most",
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
            "Pipelines that wait for a worker. It goes back to 0 between changes.",
            [("waiting", format!("sum(workqueue_depth{{{OPERATOR}, {QUEUE}}})"))],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Added to the queue, and tried again",
            "Changes a second that ask for a look at a pipeline, and looks that are repeated after a failure.",
            [
                ("added", rate("", "workqueue_adds_total", QUEUE)),
                ("tried again", rate("", "workqueue_retries_total", QUEUE)),
            ],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Time in the queue, and in work",
            "99 % of the pipelines waited, and were worked on, for less.",
            [
                ("in the queue", quantile("0.99", "le", "workqueue_queue_duration_seconds", QUEUE)),
                ("in work", quantile("0.99", "le", "workqueue_work_duration_seconds", QUEUE)),
            ],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Longest work under way",
            "How long the reconcile has lasted that was begun first. It grows by a second a second if one hangs.",
            [("longest", format!("max(workqueue_longest_running_processor_seconds{{{OPERATOR}, {QUEUE}}})"))],
        ),
    ]
}

fn process() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Stacked, Unit::RequestsPerSecond),
            "Calls of the API server",
            "By method and answer. 409 is normal now and then, 403 is a right that is missing, <error> is no answer.",
            [("{{method}} {{code}}", rate("method, code", "rest_client_requests_total", ""))],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Time of a call, 99 % are quicker than",
            "By verb. Where this is high the API server is slow, or far.",
            [("{{verb}}", quantile("0.99", "verb, le", "rest_client_request_duration_seconds", ""))],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Leader by process",
            "1 for who leads, 0 for who stands by.",
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
            "Processor",
            "Cores used, as a share of one.",
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
