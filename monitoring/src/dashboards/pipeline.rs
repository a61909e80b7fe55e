//! The dashboard of one pipeline: requests, queue, consumers and database.

mod consumers;
mod database;
mod now;
mod processes;
mod producers;
mod queue;
mod storage;

use super::job_and_instance;
use crate::grafana::{Dashboard, Row, Variable};
use crate::promql::CHOSEN;

pub(super) fn dashboard() -> Dashboard {
    let mut variables = vec![
        Variable { name: "namespace", label: "Namespace", of: "eventpipeline_events", several: false },
        Variable {
            name: "eventpipeline",
            label: "Pipeline",
            of: r#"eventpipeline_events{namespace="$namespace"}"#,
            several: false,
        },
    ];
    variables.extend(job_and_instance(
        r#"eventpipeline_build_info{namespace="$namespace", eventpipeline="$eventpipeline"}"#,
    ));
    Dashboard {
        uid: "eventpipeline-pipeline",
        title: "EventPipeline / Pipeline",
        description: "One pipeline in detail: requests, errors, queue, consumers, database and storage.",
        variables,
        rows: vec![
            Row { title: "Now", lines: vec![now::health(), now::work()] },
            Row { title: "Traffic", lines: producers::traffic() },
            Row { title: "Queue", lines: queue::queue() },
            Row { title: "Consumers", lines: consumers::consumers() },
            Row { title: "Round robin", lines: producers::round_robin() },
            Row { title: "Database", lines: database::database() },
            Row { title: "Storage", lines: storage::storage() },
            Row { title: "Processes", lines: processes::processes() },
        ],
    }
}

/// Returns the sum of a counter's rate, by labels.
fn rate(by: &str, metric: &str, further: &str) -> String {
    format!("sum by ({by}) (rate({metric}{{{CHOSEN}{further}}}[$__rate_interval]))")
}

/// Returns a quantile of a histogram, by labels.
fn quantile(share: &str, by: &str, metric: &str, further: &str) -> String {
    let by = if by.is_empty() { "le".to_owned() } else { format!("{by}, le") };
    let buckets = rate(&by, &format!("{metric}_bucket"), further);
    format!("histogram_quantile({share}, {buckets})")
}

/// Returns the share of requests answered with 5xx. Before the first failure, the series of failures may not exist.
fn failed_requests() -> String {
    const COUNT: &str = "http_server_request_duration_seconds_count";
    let all = rate("eventpipeline", COUNT, "");
    let failed = rate("eventpipeline", COUNT, r#", http_response_status_code=~"5..""#);
    format!("({failed} or 0 * {all}) / {all}")
}
