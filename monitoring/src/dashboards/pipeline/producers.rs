//! Panels of the API's traffic and its distribution over the producers.

use super::super::panel;
use super::{quantile, rate};
use crate::grafana::{Kind, Panel, Unit};
use crate::promql::CHOSEN;

const REQUESTS: &str = "http_server_request_duration_seconds";
const COUNT: &str = "http_server_request_duration_seconds_count";
const POSTS: &str = r#", http_request_method="POST""#;

pub(super) fn traffic() -> Vec<Panel> {
    let all = rate("eventpipeline", COUNT, "");
    let failed = rate("eventpipeline", COUNT, r#", http_response_status_code=~"5..""#);
    vec![
        panel(
            (Kind::Stacked, Unit::RequestsPerSecond),
            "Requests by route",
            "Requests per second by route pattern. Unknown paths have no name.",
            [("{{http_request_method}} {{http_route}}", rate("http_request_method, http_route", COUNT, ""))],
        ),
        panel(
            (Kind::Lines, Unit::RequestsPerSecond),
            "Responses by status",
            "4xx are client errors. 503 means no database or no capacity, 507 a nearly full volume, 500 a defect.",
            [("{{http_response_status_code}}", rate("http_response_status_code", COUNT, ""))],
        ),
        panel(
            (Kind::Lines, Unit::Share),
            "Failed requests",
            "Share of requests answered with 5xx. The availability objective is about this share.",
            [("failed", format!("({failed} or 0 * {all}) / {all}"))],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Creation latency, 99th percentile",
            "By route. create-sync includes the wait for the value.",
            [("{{http_route}}", quantile("0.99", "http_route", REQUESTS, POSTS))],
        ),
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

pub(super) fn round_robin() -> Vec<Panel> {
    let by_pod = rate("pod", COUNT, r#", component="producer""#);
    vec![
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
        panel(
            (Kind::Lines, Unit::Count),
            "Busiest to idlest producer",
            "Requests of the busiest pod divided by those of the idlest. 1 is even. Above 1.5 for long, the route does not distribute round robin.",
            [("max / min", format!("max({by_pod}) / min({by_pod})"))],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Events per transaction",
            "Events created per commit, 50th and 95th percentile. Batches grow under load.",
            [
                ("50 %", quantile("0.5", "", "eventpipeline_create_batch_events", "")),
                ("95 %", quantile("0.95", "", "eventpipeline_create_batch_events", "")),
            ],
        ),
    ]
}
