//! The modules of every crate form a hierarchy.

use std::collections::BTreeSet;
use std::path::Path;

/// Crates that are checked.
const CRATES: [&str; 5] = ["operator", "producer", "consumer", "database", "service"];

/// Cycles that are still to be removed, each as `crate: module <-> module`.
const KNOWN: [&str; 0] = [];

#[test]
fn modules_with_the_same_parent_do_not_depend_on_each_other_in_a_cycle() {
    let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut found = BTreeSet::new();
    for name in CRATES {
        let cycles = eventpipeline_structure::cycles(&workspace.join(name).join("src")).unwrap();
        found.extend(cycles.iter().map(|cycle| format!("{name}: {cycle}")));
    }
    let known = KNOWN.map(str::to_owned).into();
    let new: Vec<_> = found.difference(&known).collect();
    assert!(new.is_empty(), "move what both modules need to a third one: {new:#?}");
    let solved: Vec<_> = known.difference(&found).collect();
    assert!(solved.is_empty(), "remove from `KNOWN`: {solved:#?}");
}
