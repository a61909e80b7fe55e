//! Rules about panels.

use serde_json::Value;

use super::{Findings, shown};

/// Grafana's units that the dashboards use (`packages/grafana-data/src/valueFormats/categories.ts`).
const UNITS: [&str; 7] = ["short", "reqps", "ops", "s", "bytes", "percentunit", "bool_yes_no"];

fn wrong(dashboard: &Value, right: impl Fn(&Value) -> bool) -> Findings {
    shown(dashboard).filter(|panel| !right(panel)).map(|panel| panel["title"].to_string()).collect()
}

fn text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

pub(super) fn datasource(dashboard: &Value) -> Findings {
    wrong(dashboard, |panel| {
        let mut targets = panel["targets"].as_array().unwrap().iter();
        let templated = |it: &Value| it["datasource"]["uid"] == "${datasource}";
        templated(panel) && targets.all(templated)
    })
}

pub(super) fn title_and_description(dashboard: &Value) -> Findings {
    wrong(dashboard, |panel| text(&panel["title"]) && text(&panel["description"]))
}

pub(super) fn units(dashboard: &Value) -> Findings {
    wrong(dashboard, |panel| {
        panel["fieldConfig"]["defaults"]["unit"].as_str().is_some_and(|unit| UNITS.contains(&unit))
    })
}

pub(super) fn targets(dashboard: &Value) -> Findings {
    wrong(dashboard, |panel| panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()))
}
