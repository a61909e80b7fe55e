//! The options of mysqld that may be set, as docs/database.md lists them.

use std::fs;

use eventpipeline_crds::MYSQL_OPTIONS;

#[test]
fn the_page_lists_every_option_that_may_be_set() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/database.md");
    let text = fs::read_to_string(page).unwrap();
    let (_, rest) = text.split_once("<!-- options -->").unwrap();
    let (list, _) = rest.split_once("<!-- /options -->").unwrap();
    let listed: Vec<_> = list.split('`').skip(1).step_by(2).collect();
    assert_eq!(listed, MYSQL_OPTIONS);
}

/// What a commit rests on is in nobody's hands.
#[test]
fn none_of_them_lets_go_of_what_was_answered() {
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
