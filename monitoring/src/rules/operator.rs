//! What the operator says of pipelines, and the operator itself.

use std::time::Duration;

use super::{Alert, Dashboard, Group, Rule, Severity, alert, record};
use crate::promql::PIPELINE;

const CONDITION: &str = "namespace_eventpipeline_condition:eventpipeline_status_condition:max";
const ERRORS: &str = "job:controller_runtime_reconcile_errors:ratio_rate5m";

pub(super) fn group() -> Group {
    let mut rules = vec![
        // Of all operators: the one that leads tells how the pipelines are.
        record(
            CONDITION,
            format!(r#"max by ({PIPELINE}, condition) (eventpipeline_status_condition{{status="True"}})"#),
        ),
        record(
            ERRORS,
            "sum by (job) (rate(controller_runtime_reconcile_errors_total{controller=\"eventpipeline\"}[5m])) / \
             sum by (job) (rate(controller_runtime_reconcile_total{controller=\"eventpipeline\"}[5m]))",
        ),
    ];
    rules.extend([not_ready(), stalled(), not_scraped()].map(Rule::Alert));
    rules.extend([operator_down(), no_leader(), reconcile_errors()].map(of_operator));
    Group { name: "eventpipeline.operator".to_owned(), rules }
}

fn of_operator(alert: Alert) -> Rule {
    Rule::Alert(Alert { dashboard: Dashboard::Operator, ..alert })
}

fn not_ready() -> Alert {
    alert(
        "EventPipelineNotReady",
        (Severity::Warning, Duration::from_mins(15)),
        format!(r#"{CONDITION}{{condition="Ready"}} == 0"#),
        "A pipeline is not ready.",
        "{{ $labels.namespace }}/{{ $labels.eventpipeline }} has not been ready for 15 minutes: something that it asks for is \
         missing.",
    )
}

fn stalled() -> Alert {
    alert(
        "EventPipelineStalled",
        (Severity::Critical, Duration::from_mins(5)),
        format!(r#"{CONDITION}{{condition="Stalled"}} == 1"#),
        "A pipeline comes no further by itself.",
        "{{ $labels.namespace }}/{{ $labels.eventpipeline }} is stalled: waiting does not help, somebody must act.",
    )
}

/// The operator knows of a pipeline of which Prometheus sees nothing: none of the other alerts can fire.
fn not_scraped() -> Alert {
    alert(
        "EventPipelineNotScraped",
        (Severity::Warning, Duration::from_mins(15)),
        format!(
            r#"{CONDITION}{{condition="Ready"}} unless on ({PIPELINE}) (sum by ({PIPELINE}) (up{{component="producer"}}) > 0)"#
        ),
        "Prometheus sees nothing of a pipeline.",
        "The operator runs {{ $labels.namespace }}/{{ $labels.eventpipeline }}, and no producer of it answers Prometheus: no other \
         alert would tell that it fails.",
    )
}

fn operator_down() -> Alert {
    alert(
        "EventPipelineOperatorDown",
        (Severity::Critical, Duration::from_mins(5)),
        "absent(controller_runtime_max_concurrent_reconciles{controller=\"eventpipeline\"})",
        "No operator answers Prometheus.",
        "No operator of EventPipeline answers Prometheus. Pipelines go on; nothing that changes, fails or has to be scaled is looked \
         after.",
    )
}

fn no_leader() -> Alert {
    alert(
        "EventPipelineOperatorNoLeader",
        (Severity::Critical, Duration::from_mins(2)),
        "sum by (job, name) (leader_election_master_status{name=~\".*eventpipeline.*\"}) == 0",
        "No operator leads.",
        "Operators run as {{ $labels.job }}, and none has held the Lease {{ $labels.name }} for two minutes: no pipeline is looked \
         after.",
    )
}

fn reconcile_errors() -> Alert {
    alert(
        "EventPipelineReconcileErrors",
        (Severity::Warning, Duration::from_mins(15)),
        format!("{ERRORS} > 0.1"),
        "The operator's reconciles fail.",
        "{{ $value | humanizePercentage }} of the reconciles of {{ $labels.job }} fail: what pipelines ask for is not done.",
    )
}
