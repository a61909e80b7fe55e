//! Rules about pipeline conditions and about the operator.

use std::time::Duration;

use super::{Alert, Dashboard, Group, Rule, Severity, Threshold, alert, record};
use crate::promql::PIPELINE;

const CONDITION: &str = "namespace_eventpipeline_condition:eventpipeline_status_condition:max";
const ERRORS: &str = "job:controller_runtime_reconcile_errors:ratio_rate5m";

pub(super) fn group() -> Group {
    let mut rules = vec![
        // Over all operators: only the leader exports conditions.
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
    rules.extend([operator_down(), no_leader(), not_working(), reconcile_errors()].map(of_operator));
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
        "{{ $labels.namespace }}/{{ $labels.eventpipeline }} is not ready: the message of its condition Ready names the cause.",
    )
}

fn stalled() -> Alert {
    alert(
        "EventPipelineStalled",
        (Severity::Critical, Duration::from_mins(5)),
        format!(r#"{CONDITION}{{condition="Stalled"}} == 1"#),
        "A pipeline is stalled.",
        "{{ $labels.namespace }}/{{ $labels.eventpipeline }} is stalled: user action is required.",
    )
}

/// Fires for a pipeline that the operator manages and Prometheus does not scrape. None of its other alerts can fire.
fn not_scraped() -> Alert {
    alert(
        "EventPipelineNotScraped",
        (Severity::Warning, Duration::from_mins(15)),
        format!(
            r#"{CONDITION}{{condition="Ready"}} unless on ({PIPELINE}) (sum by ({PIPELINE}) (up{{component="producer"}}) > 0)"#
        ),
        "Prometheus does not scrape a pipeline.",
        "The operator runs {{ $labels.namespace }}/{{ $labels.eventpipeline }}, but none of its producers answers Prometheus, so \
         no other alert of it can fire.",
    )
}

fn operator_down() -> Alert {
    alert(
        "EventPipelineOperatorDown",
        (Severity::Critical, Duration::from_mins(5)),
        "absent(controller_runtime_max_concurrent_reconciles{controller=\"eventpipeline\"})",
        "No operator answers Prometheus.",
        "No operator of EventPipeline answers Prometheus. Running pipelines continue, but they are not reconciled or scaled.",
    )
}

fn no_leader() -> Alert {
    alert(
        "EventPipelineOperatorNoLeader",
        (Severity::Critical, Duration::from_mins(2)),
        "sum by (job, name) (leader_election_master_status{name=~\".*eventpipeline.*\"}) == 0",
        "No operator is the leader.",
        "Operators run as {{ $labels.job }}, but none holds the Lease {{ $labels.name }}: no pipeline is reconciled.",
    )
}

/// A leader that cannot work keeps its Lease and is not ready, so that neither of the two alerts above fires.
fn not_working() -> Alert {
    alert(
        "EventPipelineOperatorNotWorking",
        (Severity::Critical, Duration::from_mins(5)),
        "min by (job) (eventpipeline_operator_working) == 0",
        "The operator cannot work.",
        "The leading operator (job {{ $labels.job }}) cannot do its work, and its readiness probe says why: no pipeline is \
         reconciled.",
    )
}

fn reconcile_errors() -> Alert {
    alert(
        "EventPipelineReconcileErrors",
        (Severity::Warning, Duration::from_mins(15)),
        format!("{ERRORS} > {}", Threshold::ReconcileErrorRatio),
        "The operator's reconciliations are failing.",
        "{{ $value | humanizePercentage }} of the reconciliations of {{ $labels.job }} fail: changes of pipelines are not applied.",
    )
}
