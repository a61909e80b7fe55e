//! What clients meet, and how evenly producers share it.

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
            "Requests a second, by the route's pattern; the one without a name is paths that are not there.",
            [("{{http_request_method}} {{http_route}}", rate("http_request_method, http_route", COUNT, ""))],
        ),
        panel(
            (Kind::Lines, Unit::RequestsPerSecond),
            "Answers by status",
            "4xx are mistakes of clients; 503 says that there is no database or too much to do, 507 that its volume is nearly full, 500 is a defect.",
            [("{{http_response_status_code}}", rate("http_response_status_code", COUNT, ""))],
        ),
        panel(
            (Kind::Lines, Unit::Share),
            "Requests that failed",
            "Share of requests answered with 5xx: what the availability objective is about.",
            [("failed", format!("({failed} or 0 * {all}) / {all}"))],
        ),
        panel(
            (Kind::Lines, Unit::Seconds),
            "Time to create, 99 % are quicker than",
            "By route. create-sync waits for the value and takes as long as that.",
            [("{{http_route}}", quantile("0.99", "http_route", REQUESTS, POSTS))],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Requests under way, and clients that wait",
            "Those that wait are in create-sync, or in a wait of Prefer. Many under way that do not wait mean a slow database.",
            [
                ("under way", format!("sum(http_server_active_requests{{{CHOSEN}}})")),
                ("waiting", format!("sum(eventpipeline_waiters{{{CHOSEN}}})")),
            ],
        ),
        panel(
            (Kind::Lines, Unit::PerSecond),
            "How waiting clients learned of the end",
            "By a wake-up within milliseconds, or by a look at the database. Looks alone mean that wake-ups are lost: a network policy?",
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
            "What each producer has answered a second. The route sends requests in turn: the areas are of one size.",
            [("{{pod}}", by_pod.clone())],
        ),
        panel(
            (Kind::Lines, Unit::Share),
            "Share of each producer pod",
            "One over the number of producers where the route takes turns. A client that talks past the route keeps to its pod.",
            [("{{pod}}", format!("{by_pod} / scalar(sum({by_pod}))"))],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Busiest producer against the idlest",
            "Requests of the busiest pod over those of the idlest: 1 is even. Above 1.5 for long, the route does not take turns.",
            [("max / min", format!("max({by_pod}) / min({by_pod})"))],
        ),
        panel(
            (Kind::Lines, Unit::Count),
            "Events in a transaction",
            "How many events the producers create by one commit, half of the transactions and 95 % of them: more under load.",
            [
                ("50 %", quantile("0.5", "", "eventpipeline_create_batch_events", "")),
                ("95 %", quantile("0.95", "", "eventpipeline_create_batch_events", "")),
            ],
        ),
    ]
}
