//! The shipped files.

use std::fs;
use std::path::{Path, PathBuf};

use eventpipeline_monitoring::{Name, RuleFile, Thresholds, dashboards, rules};
use serde_json::Value;

pub(crate) fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn rules_file() -> PathBuf {
    folder().join("rules.yaml")
}

/// Returns the shipped rules.
pub(crate) fn shipped_rules() -> RuleFile {
    rules(&Thresholds::default())
}

/// Returns the shipped dashboards as Grafana reads them.
pub(crate) fn shipped_dashboards() -> Vec<(Name, Value)> {
    let read = |name: Name| {
        let text: &str = name.into();
        let file = folder().join(format!("dashboards/{text}.json"));
        serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
    };
    dashboards().map(|(name, _)| (name, read(name))).collect()
}

#[test]
fn committed_files_match_the_code() {
    for (name, file) in shipped_dashboards() {
        let made = eventpipeline_monitoring::dashboard(name).json();
        assert!(file == made, "{name:?} differs: run dev/generate.sh");
    }
    let file = fs::read_to_string(rules_file()).unwrap();
    assert!(file == shipped_rules().yaml().unwrap(), "rules.yaml differs: run dev/generate.sh");
}

/// A ConfigMap holds less than 1 MiB, and less than 256 KiB where it is applied by `kubectl apply`.
#[test]
fn a_dashboard_fits_into_a_configmap() {
    for (name, file) in shipped_dashboards() {
        assert!(format!("{file:#}").len() < 200_000, "{name:?}");
    }
}
