//! The faults of the documentation, and the number of checks.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::pages::{self, Page, Place};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Returns all pages.
pub(crate) fn pages() -> Vec<Page> {
    pages::all(root()).unwrap()
}

/// The faults, and the number of checks.
#[derive(Debug, Default)]
pub(crate) struct Report {
    wrong: Vec<(Place, String)>,
    checked: BTreeMap<String, usize>,
    /// Statements that a test runs on a server.
    pub(crate) sql: Vec<(Place, String)>,
    /// Objects that a test sends to an API server.
    pub(crate) objects: Vec<(Place, Value)>,
}

impl Report {
    /// Records the result of a check. `what` is the kind of the checked thing.
    pub(crate) fn add(&mut self, what: &str, place: &Place, result: Result<(), String>) {
        *self.checked.entry(what.to_owned()).or_default() += 1;
        if let Err(why) = result {
            self.wrong.push((place.clone(), why));
        }
    }

    /// Prints the number of checks of each kind.
    ///
    /// # Panics
    /// If something is wrong.
    #[expect(clippy::print_stdout, reason = "shown with --nocapture")]
    pub(crate) fn finish(mut self) {
        println!("{:?}", self.checked);
        self.wrong.sort();
        let lines: Vec<_> = self.wrong.iter().map(|(place, why)| format!("{place}: {why}\n")).collect();
        assert!(lines.is_empty(), "{} faults in the documentation:\n{}", lines.len(), lines.concat());
    }
}
