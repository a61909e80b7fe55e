//! Every alert has a runbook, and every runbook has an alert.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::committed::{folder, shipped_rules};

const HEADINGS: [&str; 4] = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"];

fn pages() -> PathBuf {
    folder().join("../docs/runbooks")
}

#[test]
fn alerts_and_runbooks_match() {
    let rules = shipped_rules();
    let alerts: BTreeSet<String> = rules.alerts().map(|alert| format!("{}.md", alert.name)).collect();
    let files = fs::read_dir(pages()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let pages: BTreeSet<String> = files.filter(|file| file != "README.md").collect();
    assert_eq!(alerts, pages);
    // The address of the pages is that of an installation: the chart adds it.
    assert!(!rules.yaml().unwrap().contains("runbook_url"));
}

#[test]
fn a_runbook_has_meaning_impact_diagnosis_and_mitigation() {
    for alert in shipped_rules().alerts() {
        let page = fs::read_to_string(pages().join(format!("{}.md", alert.name))).unwrap();
        assert!(page.starts_with(&format!("# {}\n", alert.name)), "{}", alert.name);
        let headings: Vec<&str> = page.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(headings, HEADINGS, "{}", alert.name);
        for section in page.split("\n## ").skip(1) {
            let text = section.split_once('\n').map_or("", |(_, text)| text.trim());
            assert!(text.len() > 60, "{}: {section}", alert.name);
        }
        let diagnosis = page.split("## Diagnosis").nth(1).unwrap().split("## ").next().unwrap();
        assert!(diagnosis.contains("```"), "{} has no command to look with", alert.name);
    }
}

#[test]
fn links_lead_to_existing_files() {
    for page in fs::read_dir(pages()).unwrap() {
        let page = page.unwrap().path();
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap()) {
            assert!(link.starts_with("https:") || pages().join(link).exists(), "{}: {link}", page.display());
        }
    }
}
