//! Grafana's JSON model of a dashboard, with the settings that all dashboards share.

mod json;
mod levels;
mod panel;
mod visual;

pub use levels::{Color, Levels};
pub use panel::{Column, Kind, Panel, Query, Unit};

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
    /// Lines of panels. The panels of a line share its width equally, so their number divides 24.
    pub lines: Vec<Vec<Panel>>,
}
