//! A reader of `docs/reference/metrics.md`.

use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = include_str!("../../../../docs/reference/metrics.md");

/// The section about a program.
pub(super) struct Reference {
    section: &'static str,
}

impl Reference {
    #[track_caller]
    pub(super) fn of(program: &str) -> Self {
        let section = PAGE.split("\n## ").find_map(|section| section.strip_prefix(program));
        assert!(section.is_some(), "the reference page has no section {program}");
        Self { section: section.unwrap_or_default() }
    }

    /// Returns the cells of each row: name, type, unit, labels, meaning.
    fn rows(&self) -> impl Iterator<Item = Vec<&'static str>> {
        let rows = self.section.lines().filter_map(|line| line.strip_prefix("| `"));
        rows.map(|row| row.split(" | ").map(|cell| cell.trim_matches('`')).collect())
    }

    /// Returns the metrics' names and types.
    pub(super) fn metrics(&self) -> Vec<(&'static str, &'static str)> {
        let mut metrics: Vec<_> = self.rows().map(|row| (row[0], row[1])).collect();
        metrics.sort_unstable();
        metrics
    }

    /// Returns a metric's labels, each with its values, or without values if they are described in words.
    fn labels(&self, metric: &str) -> BTreeMap<&'static str, Option<BTreeSet<&'static str>>> {
        let row = self.rows().find(|row| row[0] == metric).unwrap_or_default();
        let labels = row.get(3).copied().unwrap_or_default().split("<br>");
        let label = |text: &'static str| {
            let (name, values) = text.split_once("`: ")?;
            let listed: Option<BTreeSet<_>> = values
                .split(", ")
                .map(|value| value.strip_prefix('`').map(|value| value.trim_end_matches('`')))
                .collect();
            let or_empty = |values: BTreeSet<&'static str>| {
                values.into_iter().map(|value| if value == "\"\"" { "" } else { value }).collect()
            };
            Some((name.trim_start_matches('`'), listed.map(or_empty)))
        };
        labels.filter_map(label).collect()
    }

    #[track_caller]
    pub(super) fn assert_labels(&self, metric: &str, shown: &BTreeMap<&str, BTreeSet<&str>>) {
        let documented = self.labels(metric);
        assert!(shown.keys().eq(documented.keys()), "{metric} shows {shown:?}, and the page {documented:?}");
        for (label, values) in shown {
            if let Some(Some(known)) = documented.get(label) {
                assert_eq!(values, known, "{metric}, {label}");
            }
        }
    }

    /// Returns the maximum number of series of a process with this many pipelines.
    pub(super) fn budget(&self, pipelines: usize) -> usize {
        let line = self.section.lines().find(|line| line.starts_with("At most ")).unwrap_or_default();
        let numbers: Vec<usize> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
        assert!((1..=2).contains(&numbers.len()), "{line:?} is no budget");
        numbers[0] + pipelines * numbers.get(1).copied().unwrap_or_default()
    }
}
