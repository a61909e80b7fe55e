//! Dashboards and rules only use metric names, labels and label values that the programs export.

use std::collections::BTreeSet;
use std::time::Duration;

use eventpipeline_monitoring::{Dashboard, Name, Rule as Entry, Threshold, Thresholds, dashboards, rules};
use eventpipeline_testkit::Prometheus;
use promql_parser::label::Matcher;
use promql_parser::parser::{Expr, LabelModifier};
use serde_json::Value;

use super::committed::shipped_rules;
use super::live::{Live, VALUES, until_each_was_there};
use super::promql::{parse, selectors, walk};

const BACKLOG_LATE: &str = "EventPipelineBacklogLate";
/// Alerts that may fire because the test machine is busy.
const OF_A_BUSY_MACHINE: [&str; 4] =
    [BACKLOG_LATE, "EventPipelineAvailabilityBurn", "EventPipelineFreshnessBurn", "EventPipelineLatencyBurn"];

#[tokio::test(flavor = "multi_thread")]
async fn dashboards_rules_and_alerts_hold_on_live_programs() {
    // Seconds instead of minutes, and objectives are evaluated with little traffic, too.
    let quick =
        Thresholds::default().with(Threshold::BacklogLateSeconds, 3.0).with(Threshold::TrafficFloor, 0.0);
    let mut quick = rules(&quick);
    for rule in quick.groups.iter_mut().flat_map(|group| &mut group.rules) {
        match rule {
            Entry::Alert(alert) if alert.name == BACKLOG_LATE => alert.pending = Duration::from_secs(1),
            _ => {}
        }
    }
    let live = Live::start(&quick).await;
    let prometheus = &live.prometheus;
    until_each_was_there("names and labels that no program exports", claimed(), async |claim| {
        has_series(prometheus, claim).await
    })
    .await;
    until_each_was_there("panels without data", queries(), async |(_, query)| {
        has_data(prometheus, query).await
    })
    .await;
    until_each_was_there("rules without a result", loaded_rules(prometheus).await, async |rule| {
        has_result(prometheus, rule).await
    })
    .await;
    the_backlog_alert_fires_without_consumers_and_resolves(&live).await;
}

/// Returns all queries of the dashboards with their places.
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

/// Returns what an expression assumes to exist, as queries that then have series.
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

/// Returns what dashboards and rules assume to exist.
fn claimed() -> Vec<String> {
    let rules = shipped_rules();
    let rules = rules.expressions().map(|(name, expr)| (name.to_owned(), expr.to_owned()));
    let mut claimed = BTreeSet::new();
    for (place, query) in queries().into_iter().chain(rules) {
        let expr = parse(&query).unwrap_or_else(|error| panic!("{place}: {query}: {error}"));
        claimed.extend(claims(&expr));
    }
    claimed.into_iter().collect()
}

/// Returns true for a finite number.
fn finite(series: &Value) -> bool {
    series["value"][1].as_str().and_then(|value| value.parse::<f64>().ok()).is_some_and(f64::is_finite)
}

async fn has_data(prometheus: &Prometheus, query: &str) -> bool {
    prometheus.query(query).await.is_ok_and(|series| series.iter().any(finite))
}

/// Name of a rule, and its query as Prometheus writes it.
type Rule = (String, String);

async fn rules_now(prometheus: &Prometheus) -> Vec<(Rule, Value)> {
    let groups = prometheus.api("rules", &[]).await.unwrap()["groups"].take();
    let rules = groups.as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap());
    let text = |rule: &Value, field: &str| rule[field].as_str().unwrap().to_owned();
    rules.map(|rule| ((text(rule, "name"), text(rule, "query")), rule.clone())).collect()
}

async fn loaded_rules(prometheus: &Prometheus) -> Vec<Rule> {
    let rules: Vec<Rule> = rules_now(prometheus).await.into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(rules.len(), shipped_rules().expressions().count());
    rules
}

/// Returns true if Prometheus evaluates the rule and its recorded series exists.
async fn has_result(prometheus: &Prometheus, rule: &Rule) -> bool {
    let now = rules_now(prometheus).await;
    let (_, found) = now.iter().find(|(it, _)| it == rule).unwrap();
    found["health"] == "ok" && (found["type"] != "recording" || has_series(prometheus, &rule.0).await)
}

async fn firing(prometheus: &Prometheus) -> BTreeSet<String> {
    let alerts = prometheus.query(r#"ALERTS{alertstate="firing"}"#).await.unwrap();
    alerts.iter().map(|alert| alert["metric"]["alertname"].as_str().unwrap().to_owned()).collect()
}

/// Waits until the alert fires, or until it is quiet.
async fn until_the_backlog_alert(fires: bool, live: &Live) {
    let what = if fires { "alerts that should fire" } else { "alerts that should be quiet" };
    until_each_was_there(what, vec![BACKLOG_LATE], async |alert| {
        firing(&live.prometheus).await.contains(*alert) == fires
    })
    .await;
}

async fn the_backlog_alert_fires_without_consumers_and_resolves(live: &Live) {
    until_the_backlog_alert(false, live).await;
    let mut others = firing(&live.prometheus).await;
    others.retain(|alert| !OF_A_BUSY_MACHINE.contains(&alert.as_str()));
    // The pods of the API server's pipeline do not run, but alerts about this fire later.
    assert_eq!(others, BTreeSet::new());
    live.consumer.freeze();
    until_the_backlog_alert(true, live).await;
    live.consumer.thaw();
    until_the_backlog_alert(false, live).await;
}
