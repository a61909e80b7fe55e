//! The allowed options of mysqld.

use std::fs;

use eventpipeline_crds::MYSQL_OPTIONS;

#[test]
fn the_documentation_lists_every_allowed_option() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operate/database.md");
    let text = fs::read_to_string(page).unwrap();
    let (_, rest) = text.split_once("<!-- options -->").unwrap();
    let (list, _) = rest.split_once("<!-- /options -->").unwrap();
    let listed: Vec<_> = list.split('`').skip(1).step_by(2).collect();
    assert_eq!(listed, MYSQL_OPTIONS);
}

/// Durability of commits is not configurable.
#[test]
fn no_allowed_option_weakens_durability() {
    assert!(MYSQL_OPTIONS.is_sorted());
    for name in MYSQL_OPTIONS {
        for part in [
            "flush_method",
            "flush_log",
            "doublewrite",
            "checksum",
            "sync_binlog",
            "force_",
            "fsync",
            "redo_log_arch",
        ] {
            assert!(!name.contains(part), "{name}");
        }
    }
}
