//! What dashboards and rules ask for is what the programs say: every name, every label, every value of a label.

use std::collections::BTreeSet;
use std::time::Duration;

use eventpipeline_monitoring::{Dashboard, Name, Settings, dashboards, rules};
use eventpipeline_testkit::{Prometheus, eventually};
use promql_parser::label::Matcher;
use promql_parser::parser::{Expr, LabelModifier};
use serde_json::Value;

use super::committed::shipped_rules;
use super::live::{Live, VALUES, until_complete};
use super::promql::{parse, selectors, walk};

#[tokio::test(flavor = "multi_thread")]
async fn dashboards_rules_and_alerts_hold_on_live_programs() {
    // Seconds instead of minutes; and what is little in three days is judged, too.
    let quick = Settings {
        backlog_late: Duration::from_secs(3),
        backlog_late_for: Duration::from_secs(1),
        traffic_floor: 0.0,
        ..Settings::default()
    };
    let live = Live::start(&rules(&quick)).await;
    let prometheus = &live.prometheus;
    until_complete("names and labels that nobody says", async || unsaid(prometheus).await).await;
    until_complete("panels without data", async || empty_panels(prometheus).await).await;
    until_complete("rules without a result", async || rules_without_result(prometheus).await).await;
    the_backlog_alert_fires_while_nobody_consumes_and_ends(&live).await;
}

/// All queries of the dashboards, with where they stand.
fn queries() -> Vec<(String, String)> {
    let place = |name: Name, (title, query)| (format!("{name:?}: {title}"), query);
    let of = |(name, dashboard): (Name, Dashboard)| {
        dashboard.queries(&VALUES).into_iter().map(move |it| place(name, it))
    };
    dashboards().flat_map(of).collect()
}

async fn has_series(prometheus: &Prometheus, query: &str) -> bool {
    prometheus.query(query).await.is_ok_and(|series| !series.is_empty())
}

/// What would have to be there, as a query that has series if it is.
fn claims(expr: &Expr) -> BTreeSet<String> {
    let mut claims = BTreeSet::new();
    for selector in selectors(expr) {
        let name = selector.name.as_deref().unwrap();
        claims.insert(name.to_owned());
        let matchers = selector.matchers.matchers.iter().map(Matcher::to_string);
        claims.extend(matchers.map(|matcher| format!("{name}{{{matcher}}}")));
    }
    walk(expr, &mut |part, _| {
        let modifier = match part {
            Expr::Aggregate(it) => it.modifier.as_ref(),
            Expr::Binary(it) => it.modifier.as_ref().and_then(|it| it.matching.as_ref()),
            _ => None,
        };
        let Some(LabelModifier::Include(labels) | LabelModifier::Exclude(labels)) = modifier else { return };
        let names: Vec<&str> = selectors(part).iter().filter_map(|it| it.name.as_deref()).collect();
        claims.extend(labels.labels.iter().map(|label| {
            let any = names.iter().map(|name| format!(r#"{name}{{{label}!=""}}"#));
            any.collect::<Vec<_>>().join(" or ")
        }));
    });
    claims
}

async fn unsaid(prometheus: &Prometheus) -> Vec<String> {
    let rules = shipped_rules();
    let rules = rules.expressions().map(|(name, expr)| (name.to_owned(), expr.to_owned()));
    let mut claimed = BTreeSet::new();
    for (place, query) in queries().into_iter().chain(rules) {
        let expr = parse(&query).unwrap_or_else(|error| panic!("{place}: {query}: {error}"));
        claimed.extend(claims(&expr));
    }
    let mut unsaid = Vec::new();
    for claim in claimed {
        if !has_series(prometheus, &claim).await {
            unsaid.push(claim);
        }
    }
    unsaid
}

/// A number that can be drawn.
fn finite(series: &Value) -> bool {
    series["value"][1].as_str().and_then(|value| value.parse::<f64>().ok()).is_some_and(f64::is_finite)
}

async fn empty_panels(prometheus: &Prometheus) -> Vec<String> {
    let mut empty = Vec::new();
    for (place, query) in queries() {
        match prometheus.query(&query).await {
            Ok(series) if series.iter().any(finite) => {}
            Ok(_) => empty.push(format!("{place}: {query}")),
            Err(error) => empty.push(format!("{place}: {error}")),
        }
    }
    empty
}

/// Prometheus evaluates all of them, and what is recorded is there.
async fn rules_without_result(prometheus: &Prometheus) -> Vec<String> {
    let groups = prometheus.api("rules", &[]).await.unwrap()["groups"].take();
    let rules: Vec<&Value> =
        groups.as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert_eq!(rules.len(), shipped_rules().expressions().count());
    let mut without: Vec<String> =
        rules.iter().filter(|rule| rule["health"] != "ok").map(ToString::to_string).collect();
    for rule in rules.iter().filter(|rule| rule["type"] == "recording") {
        let name = rule["name"].as_str().unwrap();
        if !has_series(prometheus, name).await {
            without.push(name.to_owned());
        }
    }
    without
}

async fn firing(prometheus: &Prometheus) -> BTreeSet<String> {
    let alerts = prometheus.query(r#"ALERTS{alertstate="firing"}"#).await.unwrap();
    alerts.iter().map(|alert| alert["metric"]["alertname"].as_str().unwrap().to_owned()).collect()
}

async fn the_backlog_alert_fires_while_nobody_consumes_and_ends(live: &Live) {
    const ALERT: &str = "EventPipelineBacklogLate";
    let well =
        eventually(async || Some(firing(&live.prometheus).await).filter(|it| !it.contains(ALERT))).await;
    // Nobody runs the pods of the API server's pipeline, but that takes longer to matter.
    assert_eq!(well, BTreeSet::new());
    live.consumer.freeze();
    eventually(async || firing(&live.prometheus).await.contains(ALERT).then_some(())).await;
    live.consumer.thaw();
    eventually(async || (!firing(&live.prometheus).await.contains(ALERT)).then_some(())).await;
}
