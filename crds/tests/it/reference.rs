//! The reference is up to date and complete, and its links are valid.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use eventpipeline_crds::reference;

#[test]
fn the_committed_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/eventpipeline.md");
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == reference::markdown(), "{} is out of date; run dev/generate.sh", path.display());
}

#[test]
fn links_point_to_headings() {
    let text = reference::markdown();
    let anchor = |heading: &str| -> String {
        heading.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect()
    };
    let headings: HashSet<_> = text
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| anchor(line.trim_start_matches('#')))
        .collect();
    let links: Vec<_> = text.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    assert!(links.len() > 20);
    let dead: Vec<_> = links.into_iter().filter(|link| !headings.contains(*link)).collect();
    assert!(dead.is_empty(), "{dead:?}");
}

#[test]
fn a_field_is_shown_with_its_bounds_default_and_rules() {
    let text = reference::markdown();
    for row in [
        "| `leaseSeconds` | integer, 2 to 86400 | `60` | Duration of the lease",
        "| `name` | string, 1 to 20 characters, matches `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$` | required |",
        "| `deletionPolicy` | string, `Retain` or `Delete` | `\"Retain\"` |",
        "| `labels` | map, at most 32 entries, each value: string, at most 63 characters, matches ",
        "- `database` must set exactly one of `managed` and `external`",
        "`size` must not decrease: a volume cannot shrink.",
        "Fields and rules are the same as those of [spec.consumers[].pod](#specconsumerspod).",
    ] {
        assert!(text.contains(row), "{row}");
    }
}
