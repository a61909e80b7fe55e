//! The overview dashboard: all pipelines, and which of them need attention.

use super::{age_levels, failure_levels, job_and_instance, panel};
use crate::grafana::{Dashboard, Kind, Levels, Panel, Row, Unit, Variable};
use crate::promql::{CHOSEN, PIPELINE};

const LEGEND: &str = "{{namespace}}/{{eventpipeline}}";
/// The dashboard of the pipeline in a table's row.
const DETAILS: &str = "/d/eventpipeline-pipeline?${datasource:queryparam}&var-namespace=${__data.fields.namespace}\
                       &var-eventpipeline=${__data.fields.eventpipeline}&${__url_time_range}";

pub(super) fn dashboard() -> Dashboard {
    let of = "eventpipeline_events";
    let mut variables = vec![
        Variable { name: "namespace", label: "Namespace", of, several: true },
        Variable {
            name: "eventpipeline",
            label: "Pipeline",
            of: r#"eventpipeline_events{namespace=~"$namespace"}"#,
            several: true,
        },
    ];
    variables.extend(job_and_instance("eventpipeline_build_info"));
    Dashboard {
        uid: "eventpipeline-overview",
        title: "EventPipeline / Overview",
        description: "All pipelines: which ones are not ready, have a backlog, or fail.",
        variables,
        rows: vec![
            Row { title: "Now", lines: vec![now(), vec![pipelines()]] },
            Row { title: "Traffic", lines: traffic() },
            Row { title: "Backlog", lines: backlog() },
        ],
    }
}

fn condition(condition: &str) -> String {
    format!(
        r#"max by ({PIPELINE}) (eventpipeline_status_condition{{{CHOSEN}, condition="{condition}", status="True"}})"#
    )
}

/// Selects the number of events in a state. Every producer exports the statistics of the whole queue.
fn events(state: &str) -> String {
    format!(r#"max by ({PIPELINE}) (eventpipeline_events{{{CHOSEN}, state="{state}"}})"#)
}

fn oldest() -> String {
    format!("max by ({PIPELINE}) (eventpipeline_oldest_pending_age_seconds{{{CHOSEN}}})")
}

fn rate(metric: &str) -> String {
    format!("sum by ({PIPELINE}) (rate({metric}{{{CHOSEN}}}[$__rate_interval]))")
}

/// Returns the share of requests answered with 5xx. Before the first failure, the series of failures may not exist.
fn failed_requests() -> String {
    let failed = format!(
        "sum by ({PIPELINE}) (rate(http_server_request_duration_seconds_count{{{CHOSEN}, \
         http_response_status_code=~\"5..\"}}[$__rate_interval]))"
    );
    let all = rate("http_server_request_duration_seconds_count");
    format!("({failed} or 0 * {all}) / {all}")
}

fn value_time() -> String {
    format!(
        "histogram_quantile(0.95, sum by ({PIPELINE}, le) \
         (rate(eventpipeline_create_to_value_seconds_bucket{{{CHOSEN}}}[$__rate_interval])))"
    )
}

fn now() -> Vec<Panel> {
    let stat = (Kind::Stat, Unit::Count);
    vec![
        panel(
            stat,
            "Pipelines",
            "Pipelines that the operator manages.",
            [("pipelines", format!("count({})", condition("Ready")))],
        ),
        panel(
            stat,
            "Not ready",
            "Pipelines of which a part is missing. The condition Ready names it.",
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
        panel(
            stat,
            "Pending events",
            "Due events that no consumer has claimed yet.",
            [("waiting", format!("sum({})", events("pending")))],
        ),
        panel(
            (Kind::Stat, Unit::Seconds),
            "Oldest pending event",
            "Age of the oldest pending event of all pipelines.",
            [("oldest", format!("max({})", oldest()))],
        )
        .levels(age_levels()),
        panel(
            stat,
            "Dead letters",
            "Events that exhausted their attempts and were not retried or removed yet.",
            [("dead", format!("sum({})", events("dead")))],
        )
        .levels(Levels::warning_from(1.0)),
    ]
}

fn pipelines() -> Panel {
    panel(
        (Kind::Table, Unit::Count),
        "Pipelines",
        "The present state of each pipeline. A pipeline's name links to its dashboard.",
        [
            ("Ready", condition("Ready")),
            ("Created", rate("eventpipeline_events_created_total")),
            ("Completed", rate("eventpipeline_events_completed_total")),
            ("Failed requests", failed_requests()),
            ("Pending", events("pending")),
            ("Oldest pending", oldest()),
            ("Time to value", value_time()),
            ("Dead letters", events("dead")),
        ],
    )
    .link("eventpipeline", DETAILS)
    .column("Ready", Unit::YesNo, Levels::good_from(1.0))
    .column("Created", Unit::PerSecond, Levels::neutral())
    .column("Completed", Unit::PerSecond, Levels::neutral())
    .column("Failed requests", Unit::Share, failure_levels())
    .column("Pending", Unit::Count, Levels::neutral())
    .column("Oldest pending", Unit::Seconds, age_levels())
    .column("Time to value", Unit::Seconds, Levels::neutral())
    .column("Dead letters", Unit::Count, Levels::warning_from(1.0))
}

fn traffic() -> Vec<Vec<Panel>> {
    let created = panel(
        (Kind::Stacked, Unit::PerSecond),
        "Created",
        "Events created per second by the pipeline's producers.",
        [(LEGEND, rate("eventpipeline_events_created_total"))],
    );
    let completed = panel(
        (Kind::Stacked, Unit::PerSecond),
        "Completed",
        "Events completed per second by the pipeline's consumers.",
        [(LEGEND, rate("eventpipeline_events_completed_total"))],
    );
    let requests = panel(
        (Kind::Lines, Unit::RequestsPerSecond),
        "Requests",
        "Requests per second that the producers answered.",
        [(LEGEND, rate("http_server_request_duration_seconds_count"))],
    );
    let latency = panel(
        (Kind::Lines, Unit::Seconds),
        "create-async latency, 99th percentile",
        "Time until a client has the id of its event. The database commit dominates it.",
        [(
            LEGEND,
            format!(
                "histogram_quantile(0.99, sum by ({PIPELINE}, le) (rate(http_server_request_duration_seconds_bucket{{{CHOSEN}, \
                 http_route=\"/create-async\"}}[$__rate_interval])))"
            ),
        )],
    );
    let failed = panel(
        (Kind::Lines, Unit::Share),
        "Failed requests",
        "Share of requests answered with 5xx. A producer answers 503 if it has no capacity or no database.",
        [(LEGEND, failed_requests())],
    )
    .levels(failure_levels());
    let attempts = panel(
        (Kind::Lines, Unit::PerSecond),
        "Failed attempts",
        "Failed attempts per second, whether the event is retried or is dead.",
        [(LEGEND, rate("eventpipeline_events_failed_total"))],
    );
    vec![vec![created, completed], vec![requests, latency], vec![failed, attempts]]
}

fn backlog() -> Vec<Vec<Panel>> {
    let pending = panel(
        (Kind::Lines, Unit::Count),
        "Pending events",
        "Due, unclaimed events. If the number keeps growing, there are too few consumers or the handler is too slow.",
        [(LEGEND, events("pending"))],
    );
    let age = panel(
        (Kind::Lines, Unit::Seconds),
        "Age of the oldest pending event",
        "Waiting time of the first event of the queue. It reveals a stuck queue even if few events arrive.",
        [(LEGEND, oldest())],
    )
    .levels(age_levels());
    let value = panel(
        (Kind::Lines, Unit::Seconds),
        "Creation to value, 95th percentile",
        "Time from an event's creation until its value is committed.",
        [(LEGEND, value_time())],
    );
    let dead = panel(
        (Kind::Lines, Unit::Count),
        "Dead letters",
        "Events that exhausted their attempts and were not retried or removed yet. They stay until you decide.",
        [(LEGEND, events("dead"))],
    );
    vec![vec![pending, age], vec![value, dead]]
}
