//! The response of a program to `/metrics`. It must match the reference, stay within its budget, and pass promtool's checks.

mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use reference::Reference;

use crate::{binaries::Program, folders, or_panic};

/// The only finding of promtool that is allowed: OpenTelemetry defines this name, for a number of connections.
const EXCEPTION: &str =
    "db_client_connection_count non-histogram and non-summary metrics should not have \"_count\" suffix";

/// A response in Prometheus's text format.
#[derive(Debug, Clone)]
pub struct Scrape {
    text: String,
}

/// A family of metrics: its type, and the values of each label.
type Families<'a> = BTreeMap<&'a str, (&'a str, BTreeMap<&'a str, BTreeSet<&'a str>>)>;

impl Scrape {
    /// Parses a program's response.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// Checks the metrics against the reference of `program`: the same metrics, no other label values, and at most as many
    /// series as the budget of a process with this many pipelines.
    ///
    /// # Panics
    /// If they differ.
    #[track_caller]
    pub fn assert_as_documented(&self, program: &str, pipelines: usize) {
        let reference = Reference::of(program);
        let families = self.families();
        let shown: Vec<_> = families.iter().map(|(name, (kind, _))| (*name, *kind)).collect();
        assert_eq!(shown, reference.metrics(), "the metrics of {program} and those of the reference page");
        for (name, (_, labels)) in &families {
            reference.assert_labels(name, labels);
        }
        let (series, budget) = (self.series().count(), reference.budget(pipelines));
        assert!(series <= budget, "{program} shows {series} series, and may {budget}");
    }

    /// Runs `promtool check metrics`.
    ///
    /// # Panics
    /// If promtool has findings, with these.
    #[track_caller]
    pub fn assert_well_named(&self) {
        let promtool = or_panic("promtool", Program::Promtool.find());
        let folder = or_panic("promtool", folders::folder("promtool"));
        let scrape = folder.path().join("scrape");
        let written = fs::write(&scrape, &self.text).and_then(|()| fs::File::open(&scrape));
        let output =
            written.and_then(|file| Command::new(promtool).args(["check", "metrics"]).stdin(file).output());
        let output = output.map_err(|error| error.to_string());
        let said = output
            .map(|output| String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned());
        let findings: Vec<_> =
            said.iter().flat_map(|said| said.lines()).filter(|line| *line != EXCEPTION).collect();
        assert!(said.is_ok() && findings.is_empty(), "{said:?}");
    }

    /// Returns the lines with values.
    pub fn series(&self) -> impl Iterator<Item = &str> {
        self.text.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
    }

    fn families(&self) -> Families<'_> {
        let mut families = Families::new();
        let mut name = "";
        for line in self.text.lines() {
            if let Some((of, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
                name = of;
                families.insert(name, (kind, BTreeMap::new()));
            } else if let Some((_, labels)) = &mut families.get_mut(name).filter(|_| !line.starts_with('#')) {
                for (label, value) in labels_of(line).filter(|(label, _)| *label != "le") {
                    labels.entry(label).or_default().insert(value);
                }
            }
        }
        families
    }
}

/// Returns the labels of a series. Our values contain neither quotation marks nor commas.
fn labels_of(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let labels =
        line.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).map_or("", |(labels, _)| labels);
    labels
        .split("\",")
        .filter_map(|pair| pair.split_once("=\""))
        .map(|(label, value)| (label, value.trim_end_matches('"')))
}
