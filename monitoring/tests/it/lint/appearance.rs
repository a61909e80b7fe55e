//! Rules of this project about the appearance of panels.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Findings, lint, shown};
use crate::committed::shipped_dashboards;

const COLUMNS: u64 = 24;
/// Stats whose values are good or bad, and must not look the same.
const JUDGED: [&str; 12] = [
    "Ready",
    "Not ready",
    "Stalled",
    "Working",
    "Leaders",
    "Operators",
    "Consumers",
    "Dead letters",
    "Oldest pending",
    "Oldest pending event",
    "Failed requests",
    "Space for events",
];

fn wrong(dashboard: &Value, right: impl Fn(&Value) -> bool) -> Findings {
    shown(dashboard).filter(|panel| !right(panel)).map(|panel| panel["title"].to_string()).collect()
}

fn colors(panel: &Value) -> BTreeSet<&str> {
    let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array();
    steps.into_iter().flatten().filter_map(|step| step["color"].as_str()).collect()
}

/// A stat has thresholds, and one that tells good from bad has at least two colors.
pub(super) fn thresholds(dashboard: &Value) -> Findings {
    wrong(dashboard, |panel| {
        let judged = JUDGED.iter().any(|title| panel["title"] == *title);
        let colored = panel["fieldConfig"]["defaults"]["color"]["mode"] == "thresholds";
        let wanted = if judged { 2 } else { 1 };
        panel["type"] != "stat" || (colored && colors(panel).len() >= wanted)
    })
}

/// Values that are 0 or 1 are shown as words.
pub(super) fn mappings(dashboard: &Value) -> Findings {
    wrong(dashboard, |panel| {
        let defaults = &panel["fieldConfig"]["defaults"];
        let options = &defaults["mappings"][0]["options"];
        defaults["unit"] != "bool_yes_no" || (options["0"]["text"] == "No" && options["1"]["text"] == "Yes")
    })
}

/// A small graph would run behind the number. An axis of shares needs an end, otherwise it ends at 10,000 % above zeros.
pub(super) fn graphs(dashboard: &Value) -> Findings {
    wrong(dashboard, |panel| {
        let defaults = &panel["fieldConfig"]["defaults"];
        match panel["type"].as_str() {
            Some("stat") => panel["options"]["graphMode"] == "none",
            Some("timeseries") => {
                defaults["unit"] != "percentunit" || defaults["custom"]["axisSoftMax"].is_number()
            }
            _ => true,
        }
    })
}

/// A legend has space for its rows: at the side of a wide panel, or below for at most three series.
pub(super) fn legends(dashboard: &Value) -> Findings {
    wrong(dashboard, |panel| {
        if panel["type"] != "timeseries" {
            return true;
        }
        let targets = panel["targets"].as_array().unwrap();
        let by_label = targets.iter().any(|it| it["legendFormat"].as_str().unwrap().contains("{{"));
        let legend = &panel["options"]["legend"];
        let [width, height] = ["w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        match legend["placement"].as_str().unwrap() {
            "right" => width >= COLUMNS / 2 && height >= 9,
            _ => !by_label && (legend["displayMode"] == "list" || (targets.len() <= 3 && height >= 9)),
        }
    })
}

/// Every cell of the grid belongs to exactly one panel.
pub(super) fn grid(dashboard: &Value) -> Findings {
    let mut cells = BTreeSet::new();
    let mut findings = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let [x, y, width, height] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        let mine = (y..y + height).flat_map(|row| (x..x + width).map(move |column| (row, column)));
        findings.extend(
            mine.filter(|cell| !cells.insert(*cell))
                .map(|cell| format!("{} overlaps at {cell:?}", panel["title"])),
        );
    }
    let rows = cells.last().map_or(0, |(row, _)| row + 1);
    let all = (0..rows).flat_map(|row| (0..COLUMNS).map(move |column| (row, column)));
    findings.extend(all.filter(|cell| !cells.contains(cell)).map(|cell| format!("a hole at {cell:?}")));
    findings
}

/// A table names its columns, and each number has a unit.
pub(super) fn tables(dashboard: &Value) -> Findings {
    wrong(dashboard, |panel| {
        let Some(organized) = panel["transformations"].as_array().and_then(|all| all.last()) else {
            return panel["type"] != "table";
        };
        let names = organized["options"]["renameByName"].as_object().unwrap();
        let targets = panel["targets"].as_array().unwrap();
        let numbers: Vec<&Value> =
            names.iter().filter(|(name, _)| name.starts_with("Value")).map(|(_, title)| title).collect();
        let overrides = panel["fieldConfig"]["overrides"].as_array().unwrap();
        let has_unit = |title: &Value| {
            targets.len() == 1
                || overrides.iter().any(|it| {
                    it["matcher"]["options"] == *title
                        && it["properties"]
                            .as_array()
                            .unwrap()
                            .iter()
                            .any(|property| property["id"] == "unit")
                })
        };
        numbers.len() == targets.len() && numbers.iter().all(|title| has_unit(title))
    })
}

#[test]
fn each_rule_detects_its_fault() {
    let steps = "/fieldConfig/defaults/thresholds/steps";
    let table = "/fieldConfig/overrides/2/properties/0/id";
    let cases = [
        ("Pipelines", steps, json!([]), vec!["thresholds"]),
        ("Dead letters", steps, json!([{"value": null, "color": "green"}]), vec!["thresholds"]),
        ("Stalled", "/fieldConfig/defaults/color/mode", json!("palette-classic"), vec!["thresholds"]),
        ("Stalled", "/fieldConfig/defaults/unit", json!("bool_yes_no"), vec!["mappings"]),
        ("Pending events", "/options/graphMode", json!("area"), vec!["graphs"]),
        ("Failed requests", "/fieldConfig/defaults/custom/axisSoftMax", json!(null), vec!["graphs"]),
        ("Created", "/options/legend/placement", json!("bottom"), vec!["legends"]),
        ("Created", "/gridPos/h", json!(8), vec!["legends", "grid"]),
        ("Stalled", "/gridPos/w", json!(3), vec!["grid"]),
        ("Stalled", "/gridPos/x", json!(7), vec!["grid"]),
        ("table", table, json!("decimals"), vec!["tables"]),
        ("table", "/transformations/1/options/renameByName", json!({}), vec!["tables"]),
    ];
    let (_, whole) = shipped_dashboards().remove(0);
    for (panel, place, value, rules) in cases {
        let mut dashboard = whole.clone();
        let panels = dashboard["panels"].as_array_mut().unwrap();
        let mut of = panels.iter_mut().filter(|it| it["title"] == panel || it["type"] == panel);
        *of.next().unwrap().pointer_mut(place).unwrap() = value.clone();
        let found: Vec<&str> = lint(&dashboard).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(found, rules, "{panel}{place}: {value}");
    }
}
