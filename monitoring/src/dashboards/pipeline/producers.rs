//! Panels of the API's traffic and its distribution over the producers.

use super::super::{failure_levels, panel};
use super::{failed_requests, quantile, rate};
use crate::grafana::{Color, Kind, Levels, Panel, Unit};
use crate::promql::CHOSEN;

const REQUESTS: &str = "http_server_request_duration_seconds";
const COUNT: &str = "http_server_request_duration_seconds_count";
const POSTS: &str = r#", http_request_method="POST""#;
/// Ratio of the busiest to the idlest producer from which the distribution is not round robin.
const UNEVEN: f64 = 1.5;

pub(super) fn traffic() -> Vec<Vec<Panel>> {
    vec![requests(), failures(), waits()]
}

fn requests() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Stacked, Unit::RequestsPerSecond),
            "Requests by route",
            "Requests per second by route pattern. Unknown paths have no name.",
            [(
                "{{http_request_method}} {{http_route}}",
                format!("{} > 0", rate("http_request_method, http_route", COUNT, "")),
            )],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Creation latency, 99th percentile",
            "By route. create-sync includes the wait for the value.",
            [("{{http_route}}", format!("{} > 0", quantile("0.99", "http_route", REQUESTS, POSTS)))],
        ),
    ]
}

fn failures() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::RequestsPerSecond),
            "Responses by status",
            "4xx are client errors. 503 means no database or no capacity, 507 a nearly full volume, 500 a defect.",
            [(
                "{{http_response_status_code}}",
                format!("{} > 0", rate("http_response_status_code", COUNT, "")),
            )],
        )
        .color("^4", Color::Warning)
        .color("^5", Color::Bad),
        panel(
            (Kind::Lines, Unit::Share),
            "Failed requests",
            "Share of requests answered with 5xx. The availability objective is about this share.",
            [("failed", failed_requests())],
        )
        .color("^failed$", Color::Bad)
        .levels(failure_levels()),
    ]
}

fn waits() -> Vec<Panel> {
    vec![
        panel(
            (Kind::Lines, Unit::Count),
            "Active requests and waiting clients",
            "Waiting clients are in create-sync or use `Prefer: wait`. Many active requests that do not wait indicate a slow database.",
            [
                ("active", format!("sum(http_server_active_requests{{{CHOSEN}}})")),
                ("waiting", format!("sum(eventpipeline_waiters{{{CHOSEN}}})")),
            ],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "How waiting clients were notified",
            "By a wake-up within milliseconds, or by polling the database. Polls alone mean that wake-ups are lost: a network policy?",
            [("{{noticed_by}}", rate("noticed_by", "eventpipeline_waited_events_total", ""))],
        ),
    ]
}

pub(super) fn round_robin() -> Vec<Vec<Panel>> {
    let by_pod = rate("pod", COUNT, r#", component="producer""#);
    let pods = vec![
        panel(
            (Kind::Stacked, Unit::RequestsPerSecond),
            "Requests by producer pod",
            "Requests per second of each producer. The route distributes requests round robin, so the areas have the same size.",
            [("{{pod}}", by_pod.clone())],
        ),
        panel(
            (Kind::Lines, Unit::Share),
            "Share of each producer pod",
            "With round robin, each share is one divided by the number of producers. A client that bypasses the route stays on one pod.",
            [("{{pod}}", format!("{by_pod} / scalar(sum({by_pod}))"))],
        ),
    ];
    let evenness = vec![
        panel(
            (Kind::Lines, Unit::Count),
            "Busiest to idlest producer",
            "Requests of the busiest pod divided by those of the idlest. 1 is even. Above 1.5 for long, the route does not distribute round robin.",
            [("max / min", format!("max({by_pod}) / min({by_pod})"))],
        )
        .levels(Levels::warning_from(UNEVEN)),
        panel(
            (Kind::Lines, Unit::Count),
            "Events per transaction",
            "Events created per commit, 50th and 95th percentile. Batches grow under load.",
            [
                ("50 %", quantile("0.5", "", "eventpipeline_create_batch_events", "")),
                ("95 %", quantile("0.95", "", "eventpipeline_create_batch_events", "")),
            ],
        ),
    ];
    vec![pods, evenness]
}
