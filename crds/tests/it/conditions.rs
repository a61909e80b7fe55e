//! Every condition and every reason is explained, with what to do about it, and nothing else is.

use std::collections::BTreeMap;

const NAMES: &str = include_str!("../../src/conditions.rs");
const PAGE: &str = include_str!("../../../docs/reference/conditions.md");

/// The names that the module has.
fn names(module: &str) -> Vec<&'static str> {
    let (_, module) = NAMES.split_once(&format!("pub mod {module} {{")).unwrap();
    let (module, _) = module.split_once("\n}").unwrap();
    let constants = module.lines().filter_map(|line| line.trim().strip_prefix("pub const "));
    let mut names: Vec<_> = constants.map(|line| line.split('"').nth(1).unwrap()).collect();
    names.sort_unstable();
    assert!(names.len() > 5, "{names:?}");
    names
}

/// The sections below a heading with their text. A reason that is called like a condition has ` (reason)` behind it.
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
