//! The overview dashboard: all pipelines, and which of them need attention.

use super::{job_and_instance, panel};
use crate::grafana::{Dashboard, Kind, Panel, Row, Unit, Variable};
use crate::promql::{CHOSEN, PIPELINE};

const LEGEND: &str = "{{namespace}}/{{eventpipeline}}";

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
            Row { title: "Now", panels: now() },
            Row { title: "Traffic", panels: traffic() },
            Row { title: "Backlog", panels: backlog() },
        ],
    }
}

fn ready(condition: &str) -> String {
    format!(
        r#"max by ({PIPELINE}) (eventpipeline_status_condition{{{CHOSEN}, condition="{condition}", status="True"}})"#
    )
}

/// Selects the number of events in a state. Every producer exports the statistics of the whole queue.
fn events(state: &str) -> String {
    format!(r#"max by ({PIPELINE}) (eventpipeline_events{{{CHOSEN}, state="{state}"}})"#)
}

fn now() -> Vec<Panel> {
    let stat = (Kind::Stat, Unit::Count);
    vec![
        panel(
            stat,
            "Pipelines",
            "Pipelines that the operator manages.",
            [("pipelines", format!("count({})", ready("Ready")))],
        ),
        panel(
            stat,
            "Not ready",
            "Pipelines of which a part is missing. The condition Ready names it.",
            [("not ready", format!("sum(1 - {})", ready("Ready")))],
        ),
        panel(
            stat,
            "Stalled",
            "Pipelines that need intervention. The condition Stalled says how.",
            [("stalled", format!("sum({})", ready("Stalled")))],
        ),
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
            [("oldest", format!("max(eventpipeline_oldest_pending_age_seconds{{{CHOSEN}}})"))],
        ),
        panel(
            stat,
            "Dead letters",
            "Events that exhausted their attempts and were not retried or removed yet.",
            [("dead", format!("sum({})", events("dead")))],
        ),
    ]
}

fn traffic() -> Vec<Panel> {
    let rate = |metric: &str| format!("sum by ({PIPELINE}) (rate({metric}{{{CHOSEN}}}[$__rate_interval]))");
    vec![
        panel(
            (Kind::Stacked, Unit::PerSecond),
            "Created",
            "Events created per second by the pipeline's producers.",
            [(LEGEND, rate("eventpipeline_events_created_total"))],
        ),
        panel(
            (Kind::Stacked, Unit::PerSecond),
            "Completed",
            "Events completed per second by the pipeline's consumers.",
            [(LEGEND, rate("eventpipeline_events_completed_total"))],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Failed attempts",
            "Failed attempts per second, whether the event is retried or is dead.",
            [(LEGEND, rate("eventpipeline_events_failed_total"))],
        ),
        panel(
            (Kind::Lines, Unit::RequestsPerSecond),
            "Requests",
            "Requests per second that the producers answered.",
            [(LEGEND, rate("http_server_request_duration_seconds_count"))],
        ),
        panel(
            (Kind::Lines, Unit::Share),
            "Failed requests",
            "Share of requests answered with 5xx. A producer answers 503 if it has no capacity or no database.",
            [(LEGEND, {
                let failed = format!(
                    "sum by ({PIPELINE}) (rate(http_server_request_duration_seconds_count{{{CHOSEN}, \
                     http_response_status_code=~\"5..\"}}[$__rate_interval]))"
                );
                let all = rate("http_server_request_duration_seconds_count");
                format!("({failed} or 0 * {all}) / {all}")
            })],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "create-async latency, 99th percentile",
            "Time until a client has the id of its event. The database commit dominates it.",
            [(
                LEGEND,
                format!(
                    "histogram_quantile(0.99, sum by ({PIPELINE}, le) \
                     (rate(http_server_request_duration_seconds_bucket{{{CHOSEN}, \
                     http_route=\"/create-async\"}}[$__rate_interval])))"
                ),
            )],
        ),
    ]
}

fn backlog() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::Count),
            "Pending events",
            "Due, unclaimed events. If the number keeps growing, there are too few consumers or the handler is too slow.",
            [(LEGEND, events("pending"))],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Age of the oldest pending event",
            "Waiting time of the first event of the queue. It reveals a stuck queue even if few events arrive.",
            [(LEGEND, format!("max by ({PIPELINE}) (eventpipeline_oldest_pending_age_seconds{{{CHOSEN}}})"))],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Creation to value, 95th percentile",
            "Time from an event's creation until its value is committed.",
            [(
                LEGEND,
                format!(
                    "histogram_quantile(0.95, sum by ({PIPELINE}, le) \
                     (rate(eventpipeline_create_to_value_seconds_bucket{{{CHOSEN}}}[$__rate_interval])))"
                ),
            )],
        ),
    ]
}
