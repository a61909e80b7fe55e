//! The reference of a program's metrics, generated from its registry.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use prometheus::Registry;
use prometheus::proto::{MetricFamily, MetricType};

/// A label whose values are not all known from the start.
#[derive(Debug, Clone, Copy)]
pub struct Label {
    /// Name of the label.
    pub name: &'static str,
    /// Description of the values, as half a sentence.
    pub values: &'static str,
}

/// Maximum number of series of a process.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Number of series under any load.
    pub process: u32,
    /// Number of further series per pipeline, for the operator.
    pub pipeline: u32,
}

/// The label of every program's version.
const VERSION: Label = Label { name: "version", values: "the program's" };

/// Returns a program's section of the reference page: every metric of `registry`, and the maximum number of
/// series.
///
/// The values of a label are those in the registry, unless the label is one of `open`. If the budget has
/// series per pipeline, the registry must have those of one pipeline.
pub fn metrics_reference(program: &str, budget: Budget, registry: &Registry, open: &[Label]) -> String {
    let Budget { process, pipeline } = budget;
    let families = registry.gather();
    let each = if pipeline > 0 { format!(" and {pipeline} for each pipeline") } else { String::new() };
    let mut page = format!(
        "## {program}\n\nAt most {process} series per process{each}.\n\n\
         | metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n"
    );
    for family in &families {
        let (name, help) = (family.name(), family.help());
        let (kind, unit, labels) = (kind(family), unit(name, family), labels(family, open));
        // Writing to a string does not fail.
        let _ = writeln!(page, "| `{name}` | {kind} | {unit} | {labels} | {help} |");
    }
    page
}

fn kind(family: &MetricFamily) -> &'static str {
    match family.get_field_type() {
        MetricType::COUNTER => "counter",
        MetricType::GAUGE => "gauge",
        MetricType::HISTOGRAM => "histogram",
        MetricType::SUMMARY => "summary",
        MetricType::UNTYPED => "untyped",
    }
}

/// Returns the unit by the metric's name; 1 if it has none.
fn unit(name: &str, family: &MetricFamily) -> &'static str {
    let base =
        if family.get_field_type() == MetricType::COUNTER { name.trim_end_matches("_total") } else { name };
    if base.ends_with("_timestamp_seconds") || base.ends_with("_start_time_seconds") {
        return "seconds since 1970";
    }
    match base.rsplit('_').next() {
        Some("seconds") => "seconds",
        Some("bytes") => "bytes",
        Some("events") => "events",
        _ if base.starts_with("eventpipeline_events") => "events",
        _ => "1",
    }
}

fn labels(family: &MetricFamily, open: &[Label]) -> String {
    let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for label in family.get_metric().iter().flat_map(prometheus::proto::Metric::get_label) {
        labels.entry(label.name()).or_default().insert(label.value());
    }
    let described = labels.iter().map(|(name, values)| {
        if let Some(label) = open.iter().chain([&VERSION]).find(|label| label.name == *name) {
            return format!("`{name}`: {}", label.values);
        }
        let values: Vec<_> = values.iter().map(|value| format!("`{}`", or_empty(value))).collect();
        format!("`{name}`: {}", values.join(", "))
    });
    described.collect::<Vec<_>>().join("<br>")
}

fn or_empty(value: &str) -> &str {
    if value.is_empty() { "\"\"" } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::MetricFactory;

    #[test]
    fn a_metric_is_described_with_its_labels_and_unit() {
        let registry = Registry::new();
        let make = MetricFactory(&registry);
        make.counters("eventpipeline_a_total", "A.", ("kind", &["x", ""])).unwrap();
        make.histograms("b_seconds", "B.", ("name", &["any"]), &[1.0, 2.0]).unwrap();
        let open = [Label { name: "name", values: "what there is" }];
        let page = metrics_reference("program", Budget { process: 20, pipeline: 3 }, &registry, &open);
        assert_eq!(
            page.lines().skip(6).collect::<Vec<_>>(),
            [
                "| `b_seconds` | histogram | seconds | `name`: what there is | B. |",
                "| `eventpipeline_a_total` | counter | 1 | `kind`: `\"\"`, `x` | A. |",
            ]
        );
        assert!(page.contains("At most 20 series per process and 3 for each pipeline.\n"), "{page}");
    }
}
