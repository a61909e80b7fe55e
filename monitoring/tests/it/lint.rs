//! The rules of Grafana's dashboard-linter, without exceptions, and rules of this project. `go install` cannot install the
//! linter; its docs/index.md and the sources of its rules specify the checks.

mod appearance;
mod panels;
mod targets;
mod templates;

use serde_json::{Value, json};

use super::committed::shipped_dashboards;

/// Findings of a rule.
type Findings = Vec<String>;
type Rule = (&'static str, fn(&Value) -> Findings);

const RULES: [Rule; 23] = [
    ("template-datasource-rule", templates::datasource),
    ("template-job-rule", templates::job),
    ("template-instance-rule", templates::instance),
    ("template-label-promql-rule", templates::label_promql),
    ("template-on-time-change-reload-rule", templates::reload),
    ("panel-datasource-rule", panels::datasource),
    ("panel-title-description-rule", panels::title_and_description),
    ("panel-units-rule", panels::units),
    ("panel-no-targets-rule", panels::targets),
    ("target-logql-rule", targets::logql),
    ("target-logql-auto-rule", targets::logql_auto),
    ("target-promql-rule", targets::promql),
    ("target-rate-interval-rule", targets::rate_interval),
    ("target-job-rule", targets::job),
    ("target-instance-rule", targets::instance),
    ("target-counter-agg-rule", targets::counter_aggregation),
    ("uneditable-dashboard", uneditable),
    ("thresholds", appearance::thresholds),
    ("mappings", appearance::mappings),
    ("graphs", appearance::graphs),
    ("legends", appearance::legends),
    ("grid", appearance::grid),
    ("tables", appearance::tables),
];

fn uneditable(dashboard: &Value) -> Findings {
    if dashboard["editable"] == json!(false) { Vec::new() } else { vec!["it is editable".to_owned()] }
}

/// Returns the panels without the rows, which are headings.
fn shown(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row")
}

fn lint(dashboard: &Value) -> Vec<(&'static str, Findings)> {
    RULES
        .map(|(name, rule)| (name, rule(dashboard)))
        .into_iter()
        .filter(|(_, found)| !found.is_empty())
        .collect()
}

#[test]
fn dashboards_pass_every_rule() {
    for (name, dashboard) in shipped_dashboards() {
        assert_eq!(lint(&dashboard), [], "{name:?}");
    }
}

/// A rule without findings on a wrong dashboard would prove nothing.
#[test]
fn every_rule_detects_its_fault() {
    let panel = "/panels/1";
    let expr = format!("{panel}/targets/0/expr");
    let place = |place: &str| format!("{panel}/{place}");
    let query = |query: &str| (expr.clone(), json!(query));
    let broken: [(&str, (String, Value)); 18] = [
        ("template-datasource-rule", (variable("datasource", "name"), json!("source"))),
        ("template-job-rule", (variable("job", "multi"), json!(false))),
        ("template-instance-rule", (variable("instance", "allValue"), json!(".*"))),
        ("template-label-promql-rule", (variable("namespace", "query"), json!("label_values(up{, a)"))),
        ("template-on-time-change-reload-rule", (variable("namespace", "refresh"), json!(1))),
        ("panel-datasource-rule", (place("datasource/uid"), json!("prometheus"))),
        ("panel-title-description-rule", (place("description"), json!(""))),
        ("panel-units-rule", (place("fieldConfig/defaults/unit"), json!("events"))),
        ("panel-no-targets-rule", (place("targets"), json!([]))),
        ("target-logql-rule", (place("targets/0/datasource/type"), json!("loki"))),
        ("target-promql-rule", query("sum(")),
        ("target-rate-interval-rule", query(r#"rate(a{job=~"$job", instance=~"$instance"}[5m])"#)),
        ("target-job-rule", query(r#"up{instance=~"$instance"}"#)),
        ("target-job-rule", query(r#"up{job="$job", instance=~"$instance"}"#)),
        ("target-instance-rule", query(r#"up{job=~"$job"}"#)),
        ("target-counter-agg-rule", query(r#"a_total{job=~"$job", instance=~"$instance"}"#)),
        ("target-counter-agg-rule", query(r#"delta(a_total{job=~"$job", instance=~"$instance"}[5m])"#)),
        ("uneditable-dashboard", ("/editable".to_owned(), json!(true))),
    ];
    let (_, whole) = shipped_dashboards().remove(0);
    for (rule, (place, value)) in broken {
        let mut dashboard = whole.clone();
        let place = place_in(&dashboard, &place);
        *dashboard.pointer_mut(&place).unwrap() = value.clone();
        let found: Vec<&str> = lint(&dashboard).into_iter().map(|(rule, _)| rule).collect();
        // A log query must use `$__auto`, too.
        let expected =
            if rule == "target-logql-rule" { vec![rule, "target-logql-auto-rule"] } else { vec![rule] };
        assert_eq!(found, expected, "{place}: {value}");
    }
}

/// Returns a place in a variable, which is found by its name.
fn variable(name: &str, field: &str) -> String {
    format!("variable {name} {field}")
}

fn place_in(dashboard: &Value, place: &str) -> String {
    let Some(rest) = place.strip_prefix("variable ") else { return place.to_owned() };
    let (name, field) = rest.split_once(' ').unwrap();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let index = variables.iter().position(|variable| variable["name"] == name).unwrap();
    format!("/templating/list/{index}/{field}")
}
