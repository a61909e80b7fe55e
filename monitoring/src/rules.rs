//! Recording rules and alerts, as a Prometheus rule file.

mod operator;
mod queue;
mod slo;
mod storage;
mod thresholds;
mod traffic;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use strum::IntoStaticStr;

use crate::promql::duration;
pub use thresholds::{Threshold, Thresholds};

/// Returns all rules with these thresholds.
#[must_use]
pub fn rules(thresholds: &Thresholds) -> RuleFile {
    let mut file = rules_template();
    for rule in file.groups.iter_mut().flat_map(|group| &mut group.rules) {
        match rule {
            Rule::Record(record) => record.expr = thresholds.fill(&record.expr),
            Rule::Alert(alert) => {
                alert.expr = thresholds.fill(&alert.expr);
                alert.description = thresholds.fill(&alert.description);
            }
        }
    }
    file
}

/// Returns all rules with placeholders for the thresholds, which the chart replaces.
#[must_use]
pub fn rules_template() -> RuleFile {
    let mut groups = vec![queue::group(), storage::group(), traffic::group(), operator::group()];
    groups.extend(slo::groups());
    RuleFile { groups }
}

/// A Prometheus rule file.
#[derive(Debug)]
pub struct RuleFile {
    /// Groups in the order of the file.
    pub groups: Vec<Group>,
}

/// A group of rules, which Prometheus evaluates in order.
#[derive(Debug)]
pub struct Group {
    /// Name, unique in the file.
    pub name: String,
    /// Rules in order: later ones may query what earlier ones record.
    pub rules: Vec<Rule>,
}

/// A rule.
#[derive(Debug)]
pub enum Rule {
    /// A recorded series.
    Record(Record),
    /// An alert.
    Alert(Alert),
}

/// A recorded series.
#[derive(Debug)]
pub struct Record {
    /// Name, as `level:metric:operations`.
    pub name: String,
    /// Expression.
    pub expr: String,
}

/// An alert.
#[derive(Debug)]
pub struct Alert {
    /// Name, in terms of what users notice.
    pub name: &'static str,
    /// Expression; the alert is active for each series of its result.
    pub expr: String,
    /// Time for which the expression must hold before the alert fires.
    pub pending: Duration,
    /// Urgency.
    pub severity: Severity,
    /// Labels in addition to the severity.
    pub labels: Vec<(&'static str, String)>,
    /// One-line summary.
    pub summary: &'static str,
    /// Description with values.
    pub description: String,
    /// Dashboard with the details.
    pub dashboard: Dashboard,
}

/// Urgency of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Severity {
    /// Needs action now.
    Critical,
    /// Needs action on the next working day.
    Warning,
}

/// The dashboard that an alert links to.
#[derive(Debug, Clone, Copy)]
pub enum Dashboard {
    /// Dashboard of the pipeline in the alert's labels.
    Pipeline,
    /// Dashboard of the operator.
    Operator,
}

impl Dashboard {
    /// Returns the path, relative to Grafana's address.
    fn path(self) -> &'static str {
        match self {
            Self::Pipeline => {
                "/d/eventpipeline-pipeline?var-namespace={{ $labels.namespace }}&var-eventpipeline={{ $labels.eventpipeline }}"
            }
            Self::Operator => "/d/eventpipeline-operator",
        }
    }
}

impl RuleFile {
    /// Returns all alerts, in order.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.groups.iter().flat_map(|group| &group.rules).filter_map(|rule| match rule {
            Rule::Alert(alert) => Some(alert),
            Rule::Record(_) => None,
        })
    }

    /// Returns all expressions with the names of their rules.
    pub fn expressions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.groups.iter().flat_map(|group| &group.rules).map(|rule| match rule {
            Rule::Record(record) => (record.name.as_str(), record.expr.as_str()),
            Rule::Alert(alert) => (alert.name, alert.expr.as_str()),
        })
    }

    /// Serializes the file as YAML.
    ///
    /// # Errors
    /// Returns errors of the serializer.
    pub fn yaml(&self) -> Result<String, serde_saphyr::ser::Error> {
        let groups = self
            .groups
            .iter()
            .map(|group| GroupFile { name: &group.name, rules: group.rules.iter().map(entry).collect() });
        let file = File { groups: groups.collect() };
        let options = serde_saphyr::ser_options! { compact_list_indent: true, folded_wrap_chars: 100 };
        serde_saphyr::to_string_with_options(&file, options)
    }
}

fn entry(rule: &Rule) -> RuleEntry<'_> {
    match rule {
        Rule::Record(Record { name, expr }) => RuleEntry::Record { record: name, expr },
        Rule::Alert(alert) => {
            let mut labels: BTreeMap<&str, &str> =
                alert.labels.iter().map(|(label, value)| (*label, value.as_str())).collect();
            labels.insert("severity", alert.severity.into());
            RuleEntry::Alert {
                alert: alert.name,
                expr: &alert.expr,
                pending: duration(alert.pending),
                labels,
                annotations: Annotations {
                    summary: alert.summary,
                    description: &alert.description,
                    dashboard: alert.dashboard.path(),
                },
            }
        }
    }
}

#[derive(Serialize)]
struct File<'a> {
    groups: Vec<GroupFile<'a>>,
}

#[derive(Serialize)]
struct GroupFile<'a> {
    name: &'a str,
    rules: Vec<RuleEntry<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum RuleEntry<'a> {
    Record {
        record: &'a str,
        expr: &'a str,
    },
    Alert {
        alert: &'a str,
        expr: &'a str,
        #[serde(rename = "for")]
        pending: String,
        labels: BTreeMap<&'a str, &'a str>,
        annotations: Annotations<'a>,
    },
}

#[derive(Serialize)]
struct Annotations<'a> {
    summary: &'a str,
    description: &'a str,
    dashboard: &'a str,
}

fn record(name: impl Into<String>, expr: impl Into<String>) -> Rule {
    Rule::Record(Record { name: name.into(), expr: expr.into() })
}

/// An alert about a pipeline, without labels of its own.
fn alert(
    name: &'static str,
    (severity, pending): (Severity, Duration),
    expr: impl Into<String>,
    summary: &'static str,
    description: impl Into<String>,
) -> Alert {
    Alert {
        name,
        expr: expr.into(),
        pending,
        severity,
        labels: Vec::new(),
        summary,
        description: description.into(),
        dashboard: Dashboard::Pipeline,
    }
}
