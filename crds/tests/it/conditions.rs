//! The reference page explains exactly the existing conditions and reasons, with a remedy for each.

use std::collections::BTreeMap;

const NAMES: &str = include_str!("../../src/conditions.rs");
const PAGE: &str = include_str!("../../../docs/reference/conditions.md");

/// Returns the names that a module defines.
fn names(module: &str) -> Vec<&'static str> {
    let (_, module) = NAMES.split_once(&format!("pub mod {module} {{")).unwrap();
    let (module, _) = module.split_once("\n}").unwrap();
    let constants = module.lines().filter_map(|line| line.trim().strip_prefix("pub const "));
    let mut names: Vec<_> = constants.map(|line| line.split('"').nth(1).unwrap()).collect();
    names.sort_unstable();
    assert!(names.len() > 5, "{names:?}");
    names
}

/// Returns the sections below a heading, with their text. The title of a reason that has the name of a
/// condition ends with ` (reason)`.
fn sections(heading: &str) -> BTreeMap<&'static str, &'static str> {
    let (_, part) = PAGE.split_once(&format!("\n## {heading}\n")).unwrap();
    let part = part.split("\n## ").next().unwrap();
    let sections = part.split("\n### ").skip(1).map(|section| section.split_once('\n').unwrap());
    sections.map(|(title, text)| (title.trim_end_matches(" (reason)"), text)).collect()
}

#[track_caller]
fn assert_explained(heading: &str, module: &str) {
    let sections = sections(heading);
    assert_eq!(sections.keys().copied().collect::<Vec<_>>(), names(module));
    for (name, text) in sections {
        let (meaning, remedy) = text.split_once("**To do:**").unwrap_or_else(|| panic!("{name}: no remedy"));
        assert!(meaning.trim().len() > 20 && remedy.trim().len() > 5, "{name}");
    }
}

#[test]
fn conditions_are_explained() {
    assert_explained("Conditions", "types");
}

#[test]
fn reasons_are_explained() {
    assert_explained("Reasons", "reasons");
}
