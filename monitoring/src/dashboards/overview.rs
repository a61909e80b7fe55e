//! All pipelines: which one needs somebody.

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
        description: "Every pipeline side by side: which is not ready, which is behind, which fails.",
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

/// The queue is shown by every producer, whole.
fn events(state: &str) -> String {
    format!(r#"max by ({PIPELINE}) (eventpipeline_events{{{CHOSEN}, state="{state}"}})"#)
}

fn now() -> Vec<Panel> {
    let stat = (Kind::Stat, Unit::Count);
    vec![
        panel(
            stat,
            "Pipelines",
            "How many pipelines the operator knows.",
            [("pipelines", format!("count({})", ready("Ready")))],
        ),
        panel(
            stat,
            "Not ready",
            "Pipelines of which something is missing. Their condition Ready says what.",
            [("not ready", format!("sum(1 - {})", ready("Ready")))],
        ),
        panel(
            stat,
            "Stalled",
            "Pipelines that come no further by themselves: somebody must act. Their condition Stalled says how.",
            [("stalled", format!("sum({})", ready("Stalled")))],
        ),
        panel(
            stat,
            "Waiting events",
            "Events that are due and that no consumer has claimed yet.",
            [("waiting", format!("sum({})", events("pending")))],
        ),
        panel(
            (Kind::Stat, Unit::Seconds),
            "Oldest waiting event",
            "How long the event has waited that has waited longest, in the pipeline where that is worst.",
            [("oldest", format!("max(eventpipeline_oldest_pending_age_seconds{{{CHOSEN}}})"))],
        ),
        panel(
            stat,
            "Dead letters",
            "Events that failed in every attempt and were not yet retried or removed.",
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
            "Events created a second by our producers.",
            [(LEGEND, rate("eventpipeline_events_created_total"))],
        ),
        panel(
            (Kind::Stacked, Unit::PerSecond),
            "Completed",
            "Answers a second that our consumers have written down.",
            [(LEGEND, rate("eventpipeline_events_completed_total"))],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "Failed attempts",
            "Attempts a second that failed, whether the event is tried again or is dead.",
            [(LEGEND, rate("eventpipeline_events_failed_total"))],
        ),
        panel(
            (Kind::Lines, Unit::RequestsPerSecond),
            "Requests",
            "Requests a second that the producers have answered.",
            [(LEGEND, rate("http_server_request_duration_seconds_count"))],
        ),
        panel(
            (Kind::Lines, Unit::Share),
            "Requests that failed",
            "Share of requests answered with 5xx. 503 is an answer of a producer that has no room or no database.",
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
            "create-async, 99 % are quicker than",
            "Time until a client has the id of its event: the commit in the database decides it.",
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
            "Waiting events",
            "Events that are due and unclaimed. One that keeps growing has too few consumers, or too slow a handler.",
            [(LEGEND, events("pending"))],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Age of the oldest waiting event",
            "How long the first in line has waited. It tells of a stuck queue even where few events come.",
            [(LEGEND, format!("max by ({PIPELINE}) (eventpipeline_oldest_pending_age_seconds{{{CHOSEN}}})"))],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Creation to value, 95 % are quicker than",
            "Time from an event's creation until its value was committed, as its users meet it.",
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
