//! The modules of every crate form a hierarchy.

use std::collections::BTreeMap;
use std::path::Path;

/// Crates that are checked.
const CRATES: [&str; 5] = ["operator", "producer", "consumer", "database", "service"];

#[test]
fn modules_with_the_same_parent_do_not_depend_on_each_other_in_a_cycle() {
    let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut found = BTreeMap::new();
    for name in CRATES {
        for cycle in eventpipeline_structure::cycles(&workspace.join(name).join("src")).unwrap() {
            found.insert(format!("{name}: {cycle}"), cycle.dependencies());
        }
    }
    assert!(found.is_empty(), "move the items that both modules need to a third module: {found:#?}");
}
