//! Panels and their queries.

use strum::IntoStaticStr;

use super::levels::{Color, Levels};

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
    /// Colors of the values: of the number in a stat, and of dashed lines in a time series.
    pub levels: Levels,
    /// Legends of series that are limits, and not measurements.
    pub limits: Vec<&'static str>,
    /// Colors of series, by regular expressions of their legends.
    pub colors: Vec<(&'static str, Color)>,
    /// Columns of a table; the queries' legends are their names.
    pub columns: Vec<Column>,
}

impl Panel {
    /// Colors the values.
    #[must_use]
    pub fn levels(self, levels: Levels) -> Self {
        Self { levels, ..self }
    }

    /// Draws a series as a dashed line without an area.
    #[must_use]
    pub fn limit(mut self, legend: &'static str) -> Self {
        self.limits.push(legend);
        self
    }

    /// Colors the series whose legends match a regular expression.
    #[must_use]
    pub fn color(mut self, legend: &'static str, color: Color) -> Self {
        self.colors.push((legend, color));
        self
    }

    /// Sets the unit and the colors of a table's column.
    #[must_use]
    pub fn column(mut self, name: &'static str, unit: Unit, levels: Levels) -> Self {
        self.columns.push(Column { name, unit: Some(unit), levels, link: None });
        self
    }

    /// Links the cells of a table's column to another page.
    #[must_use]
    pub fn link(mut self, column: &'static str, url: &'static str) -> Self {
        self.columns.push(Column { name: column, unit: None, levels: Levels::neutral(), link: Some(url) });
        self
    }

    /// Returns true if each query returns one series, whose legend is fixed.
    pub(super) fn has_fixed_series(&self) -> bool {
        self.queries.iter().all(|query| !query.legend.contains("{{"))
    }
}

/// Appearance of a table's column.
#[derive(Debug)]
pub struct Column {
    /// Name of the column.
    pub name: &'static str,
    /// Unit of the values, unless they are text.
    pub unit: Option<Unit>,
    /// Colors of the values.
    pub levels: Levels,
    /// Page that the cells lead to.
    pub link: Option<&'static str>,
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
    /// The present values: a row per combination of labels, and a column per query.
    Table,
}

/// Units, serialized as Grafana's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
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
    /// Legend with `{{label}}` placeholders, or the name of a table's column.
    pub legend: &'static str,
}
