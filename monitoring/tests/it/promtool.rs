//! Prometheus's own checks of the rules, with a firing and a quiet case for each alert.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use eventpipeline_testkit::promtool;
use serde_json::Value;

use super::committed::{folder, rules_file, shipped_rules};

fn cases() -> Vec<PathBuf> {
    let files = fs::read_dir(folder().join("tests/rules")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn rules_are_valid_and_without_findings() {
    promtool(["check", "rules", "--lint=all", "--lint-fatal", rules_file().to_str().unwrap()]).unwrap();
}

#[test]
fn every_case_ends_as_expected() {
    let files = cases();
    let files = files.iter().map(|file| file.to_str().unwrap());
    promtool(["test", "rules"].into_iter().chain(files)).unwrap();
}

/// Identity of an alert: alerts of one objective share a name and differ in their window.
type Alert = (String, String);

fn all() -> BTreeSet<Alert> {
    let rules = shipped_rules();
    let window = |labels: &[(&str, String)]| {
        labels
            .iter()
            .find(|(label, _)| *label == "window")
            .map(|(_, window)| window.clone())
            .unwrap_or_default()
    };
    rules.alerts().map(|alert| (alert.name.to_owned(), window(&alert.labels))).collect()
}

#[test]
fn every_alert_has_a_firing_and_a_quiet_case() {
    let mut firing = BTreeSet::new();
    let mut quiet = BTreeSet::new();
    for file in cases() {
        let file: Value = serde_saphyr::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let tests = file["tests"].as_array().unwrap();
        for case in tests.iter().flat_map(|test| test["alert_rule_test"].as_array().unwrap()) {
            let name = case["alertname"].as_str().unwrap().to_owned();
            let alerts = case["exp_alerts"].as_array().unwrap();
            let windows =
                alerts.iter().map(|alert| alert["exp_labels"]["window"].as_str().unwrap_or_default());
            firing.extend(windows.map(|window| (name.clone(), window.to_owned())));
            if alerts.is_empty() {
                quiet.insert(name);
            }
        }
    }
    assert_eq!(firing, all());
    assert_eq!(quiet, all().into_iter().map(|(name, _)| name).collect());
}
