//! What clients meet, and what producers and consumers meet in the database.

use std::time::Duration;

use super::{Alert, Group, Rule, Severity, alert, record};
use crate::promql::PIPELINE;

const ERRORS: &str = "namespace_eventpipeline:http_server_requests_failed:ratio_rate5m";
const DATABASE: &str = "namespace_eventpipeline:db_client_operations_failed:ratio_rate5m";
const LOCKS: &str = "namespace_eventpipeline:eventpipeline_database_lock_retries:ratio_rate5m";
const MINUTES: u64 = 5;

pub(super) fn group() -> Group {
    let mut rules = records();
    rules.extend([producer_errors(), database_unreachable(), lock_retries()].map(Rule::Alert));
    rules.push(Rule::Alert(target_down()));
    Group { name: "eventpipeline.traffic".to_owned(), rules }
}

fn records() -> Vec<Rule> {
    let rate = |selector: &str| format!("sum by ({PIPELINE}) (rate({selector}[5m]))");
    let requests = "http_server_request_duration_seconds_count";
    let operations = "db_client_operation_duration_seconds_count";
    // Where nothing has failed yet there may be no series of failures: then it is 0 of what there was.
    let ratio = |bad: String, all: &str| format!("({bad} or 0 * {}) / {}", rate(all), rate(all));
    vec![
        record(ERRORS, ratio(rate(&format!(r#"{requests}{{http_response_status_code=~"5.."}}"#)), requests)),
        record(DATABASE, ratio(rate(&format!(r#"{operations}{{error_type!=""}}"#)), operations)),
        record(LOCKS, ratio(rate("eventpipeline_database_lock_retries_total"), operations)),
    ]
}

fn producer_errors() -> Alert {
    alert(
        "EventPipelineProducerErrors",
        (Severity::Critical, Duration::from_mins(MINUTES)),
        format!("{ERRORS} > 0.05"),
        "Requests fail.",
        "{{ $value | humanizePercentage }} of the requests of {{ $labels.namespace }}/{{ $labels.eventpipeline }} are answered with \
         5xx.",
    )
}

fn database_unreachable() -> Alert {
    alert(
        "EventPipelineDatabaseUnreachable",
        (Severity::Critical, Duration::from_mins(2)),
        format!("{DATABASE} > 0.5"),
        "The database does not answer.",
        "{{ $value | humanizePercentage }} of what the programs of {{ $labels.namespace }}/{{ $labels.eventpipeline }} ask of \
         their database fails. Nothing is created or processed.",
    )
}

fn lock_retries() -> Alert {
    alert(
        "EventPipelineLockRetries",
        (Severity::Warning, Duration::from_mins(10)),
        format!("{LOCKS} > 0.2"),
        "Transactions are rolled back for their locks.",
        "MySQL rolled back {{ $value | humanizePercentage }} as many transactions of {{ $labels.namespace }}/{{ \
         $labels.eventpipeline }} as succeeded: somebody locks widely.",
    )
}

fn target_down() -> Alert {
    alert(
        "EventPipelineTargetDown",
        (Severity::Warning, Duration::from_mins(MINUTES)),
        format!(
            r#"count by ({PIPELINE}, component) (up{{component=~"producer|consumer", eventpipeline!=""}} == 0) > 0"#
        ),
        "Pods of a pipeline do not answer Prometheus.",
        "{{ $value }} {{ $labels.component }}s of {{ $labels.namespace }}/{{ $labels.eventpipeline }} do not answer Prometheus: what \
         they do is not seen.",
    )
}
