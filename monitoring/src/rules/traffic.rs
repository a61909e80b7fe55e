//! Rules about the API's traffic and about database operations.

use std::time::Duration;

use super::{Alert, Group, Rule, Severity, Threshold, alert, record};
use crate::promql::PIPELINE;

const ERRORS: &str = "namespace_eventpipeline:http_server_requests_failed:ratio_rate5m";
const DATABASE: &str = "namespace_eventpipeline:db_client_operations_failed:ratio_rate5m";
const LOCKS: &str = "namespace_eventpipeline:eventpipeline_database_lock_retries:ratio_rate5m";
const MINUTES: u64 = 5;

pub(super) fn group() -> Group {
    let mut rules = records();
    rules.extend(
        [producer_errors(), database_unreachable(), database_unusable(), counter_blocked(), lock_retries()]
            .map(Rule::Alert),
    );
    rules.push(Rule::Alert(target_down()));
    Group { name: "eventpipeline.traffic".to_owned(), rules }
}

fn records() -> Vec<Rule> {
    let rate = |selector: &str| format!("sum by ({PIPELINE}) (rate({selector}[5m]))");
    let requests = "http_server_request_duration_seconds_count";
    let operations = "db_client_operation_duration_seconds_count";
    // Before the first failure, the series of failures may not exist: the ratio is then 0.
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
        format!("{ERRORS} > {}", Threshold::RequestFailureRatio),
        "Requests are failing.",
        "{{ $value | humanizePercentage }} of the requests of {{ $labels.namespace }}/{{ $labels.eventpipeline }} are answered with \
         5xx.",
    )
}

fn database_unreachable() -> Alert {
    alert(
        "EventPipelineDatabaseUnreachable",
        (Severity::Critical, Duration::from_mins(2)),
        format!("{DATABASE} > {}", Threshold::DatabaseFailureRatio),
        "The database does not answer.",
        "{{ $value | humanizePercentage }} of the database operations of {{ $labels.namespace }}/{{ $labels.eventpipeline }} \
         fail. Events are neither created nor processed.",
    )
}

/// Fires for a database that answers but cannot be used, such as a read-only server or one without the schema.
fn database_unusable() -> Alert {
    alert(
        "EventPipelineDatabaseUnusable",
        (Severity::Critical, Duration::from_mins(2)),
        format!(
            "max by ({PIPELINE}, component) (eventpipeline_database_usable) == 0 unless on ({PIPELINE}) \
             {DATABASE} > {}",
            Threshold::DatabaseFailureRatio
        ),
        "No pod of a component can use the database.",
        "No {{ $labels.component }} of {{ $labels.namespace }}/{{ $labels.eventpipeline }} can use the database: it does not \
         answer, is read-only, or lacks the schema.",
    )
}

fn counter_blocked() -> Alert {
    alert(
        "EventPipelineCounterBlocked",
        (Severity::Warning, Duration::ZERO),
        format!("sum by ({PIPELINE}) (increase(eventpipeline_blocked_creations_total[5m])) > 0"),
        "Another transaction is blocking creations.",
        "{{ printf \"%.0f\" $value }} creations of {{ $labels.namespace }}/{{ $labels.eventpipeline }} were given up in the last 5 \
         minutes, because another transaction held the lock on the counter.",
    )
}

fn lock_retries() -> Alert {
    alert(
        "EventPipelineLockRetries",
        (Severity::Warning, Duration::from_mins(10)),
        format!("{LOCKS} > {}", Threshold::LockRetryRatio),
        "Many transactions are rolled back because of locks.",
        "For {{ $labels.namespace }}/{{ $labels.eventpipeline }}, MySQL rolled back transactions at {{ $value | \
         humanizePercentage }} of the rate of successful ones: another client locks many rows.",
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
        "{{ $value }} {{ $labels.component }}s of {{ $labels.namespace }}/{{ $labels.eventpipeline }} do not answer Prometheus: their \
         metrics are missing.",
    )
}
