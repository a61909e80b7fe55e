//! Grafana's JSON model of a dashboard, with the settings that all dashboards share.

mod json;

use strum::IntoStaticStr;

/// A dashboard.
#[derive(Debug)]
pub struct Dashboard {
    /// Unique id; the dashboard's path in Grafana is `/d/UID`.
    pub uid: &'static str,
    /// Title in Grafana.
    pub title: &'static str,
    /// Description in Grafana.
    pub description: &'static str,
    /// Variables, in addition to the data source.
    pub variables: Vec<Variable>,
    /// Rows of panels.
    pub rows: Vec<Row>,
}

/// A dashboard variable whose values are the values of a label.
#[derive(Debug)]
pub struct Variable {
    /// Name in queries (`$NAME`), and name of the label.
    pub name: &'static str,
    /// Display name.
    pub label: &'static str,
    /// Series whose label values are offered.
    pub of: &'static str,
    /// Several values, or all, can be selected.
    pub several: bool,
}

/// A heading and its panels.
#[derive(Debug)]
pub struct Row {
    /// Text of the heading.
    pub title: &'static str,
    /// Panels from left to right; they wrap into as many lines as needed.
    pub panels: Vec<Panel>,
}

/// A panel.
#[derive(Debug)]
pub struct Panel {
    /// Title of the panel.
    pub title: &'static str,
    /// Explains how to read the panel and how to react.
    pub description: &'static str,
    /// Visualization.
    pub kind: Kind,
    /// Unit of the values.
    pub unit: Unit,
    /// Queries; at least one.
    pub queries: Vec<Query>,
}

/// A visualization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Lines over time.
    Lines,
    /// Stacked areas over time.
    Stacked,
    /// The last value as a large number.
    Stat,
}

/// Units, serialized as Grafana's names.
#[derive(Debug, Clone, Copy, IntoStaticStr)]
pub enum Unit {
    /// A plain number.
    #[strum(serialize = "short")]
    Count,
    /// Requests per second.
    #[strum(serialize = "reqps")]
    RequestsPerSecond,
    /// Other rates per second.
    #[strum(serialize = "ops")]
    PerSecond,
    /// Seconds.
    #[strum(serialize = "s")]
    Seconds,
    /// Bytes, in powers of 1,024.
    #[strum(serialize = "bytes")]
    Bytes,
    /// A share from 0 to 1.
    #[strum(serialize = "percentunit")]
    Share,
    /// 0 or 1.
    #[strum(serialize = "bool_yes_no")]
    YesNo,
}

/// A query and the legend of its series.
#[derive(Debug)]
pub struct Query {
    /// `PromQL`, with Grafana's variables.
    pub expr: String,
    /// Legend with `{{label}}` placeholders.
    pub legend: &'static str,
}
