//! A dashboard as Grafana reads it: what ours have in common is decided here, once.

use serde_json::{Value, json};
use strum::IntoStaticStr;

/// The schema of Grafana 12; later ones bring it up to date when they load it.
const SCHEMA_VERSION: u32 = 41;
/// Grafana divides a row into so many columns.
const COLUMNS: u32 = 24;
const PANEL_HEIGHT: u32 = 8;
const STAT_HEIGHT: u32 = 4;

/// A dashboard.
#[derive(Debug)]
pub struct Dashboard {
    /// Its address in Grafana, `/d/UID`.
    pub uid: &'static str,
    /// Its name.
    pub title: &'static str,
    /// What it answers.
    pub description: &'static str,
    /// What may be chosen at its top, beside the data source.
    pub variables: Vec<Variable>,
    /// Its panels.
    pub rows: Vec<Row>,
}

/// A choice of values of a label.
#[derive(Debug)]
pub struct Variable {
    /// As queries call it, `$NAME`; also the label.
    pub name: &'static str,
    /// As users see it.
    pub label: &'static str,
    /// The series whose labels are offered.
    pub of: &'static str,
    /// Whether several, or all, may be chosen.
    pub several: bool,
}

/// Panels under a heading.
#[derive(Debug)]
pub struct Row {
    /// The heading.
    pub title: &'static str,
    /// From left to right, in as many lines as they need.
    pub panels: Vec<Panel>,
}

/// One picture.
#[derive(Debug)]
pub struct Panel {
    /// What it shows.
    pub title: &'static str,
    /// How to read it, and what to do about it.
    pub description: &'static str,
    /// How it is drawn.
    pub kind: Kind,
    /// Of its values.
    pub unit: Unit,
    /// At least one.
    pub queries: Vec<Query>,
}

/// How a panel is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Lines over time.
    Lines,
    /// Areas over time, one on the other.
    Stacked,
    /// The last value, large.
    Stat,
}

/// Units, by Grafana's names.
#[derive(Debug, Clone, Copy, IntoStaticStr)]
pub enum Unit {
    /// A number of things.
    #[strum(serialize = "short")]
    Count,
    /// Requests a second.
    #[strum(serialize = "reqps")]
    RequestsPerSecond,
    /// Anything else a second.
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

/// A query and what its lines are called.
#[derive(Debug)]
pub struct Query {
    /// `PromQL`, with Grafana's variables.
    pub expr: String,
    /// A name with `{{label}}`s.
    pub legend: &'static str,
}

impl Panel {
    fn width(&self) -> u32 {
        match self.kind {
            Kind::Lines | Kind::Stacked => COLUMNS / 3,
            Kind::Stat => COLUMNS / 6,
        }
    }

    fn height(&self) -> u32 {
        match self.kind {
            Kind::Lines | Kind::Stacked => PANEL_HEIGHT,
            Kind::Stat => STAT_HEIGHT,
        }
    }

    fn json(&self, id: u32, (x, y): (u32, u32)) -> Value {
        let unit: &str = self.unit.into();
        let (type_, custom, options) = match self.kind {
            Kind::Lines => ("timeseries", lines("none"), time_options()),
            Kind::Stacked => ("timeseries", lines("normal"), time_options()),
            Kind::Stat => ("stat", json!({}), stat_options()),
        };
        let targets: Vec<Value> = self.queries.iter().zip('A'..).map(|(query, id)| query.json(id)).collect();
        json!({
            "id": id,
            "type": type_,
            "title": self.title,
            "description": self.description,
            "datasource": datasource(),
            "gridPos": {"x": x, "y": y, "w": self.width(), "h": self.height()},
            "fieldConfig": {
                "defaults": {"unit": unit, "min": 0, "color": {"mode": "palette-classic"}, "custom": custom},
                "overrides": [],
            },
            "options": options,
            "targets": targets,
        })
    }
}

impl Query {
    fn json(&self, id: char) -> Value {
        json!({
            "refId": id,
            "datasource": datasource(),
            "editorMode": "code",
            "expr": self.expr,
            "legendFormat": self.legend,
            "range": true,
        })
    }
}

impl Variable {
    fn json(&self) -> Value {
        let query = format!("label_values({}, {})", self.of, self.name);
        let mut variable = json!({
            "name": self.name,
            "label": self.label,
            "type": "query",
            "datasource": datasource(),
            "query": query,
            "definition": query,
            // When the time range changes: what is gone by now was there then.
            "refresh": 2,
            "sort": 1,
            "regex": "",
            "hide": 0,
            "options": [],
            "multi": self.several,
            "includeAll": self.several,
            "current": {},
        });
        if self.several {
            variable["allValue"] = json!(".+");
            variable["current"] = json!({"selected": true, "text": ["All"], "value": ["$__all"]});
        }
        variable
    }
}

impl Dashboard {
    /// All queries, with the panel's title, and with these values for Grafana's variables.
    #[must_use]
    pub fn queries(&self, values: &[(&str, &str)]) -> Vec<(String, String)> {
        let panels = self.rows.iter().flat_map(|row| &row.panels);
        let queries =
            panels.flat_map(|panel| panel.queries.iter().map(|query| (panel.title, query.expr.as_str())));
        let of_variables = self.variables.iter().map(|variable| {
            let query = format!("count by ({}) ({})", variable.name, variable.of);
            (format!("${}", variable.name), filled(&query, values))
        });
        queries.map(|(title, query)| (title.to_owned(), filled(query, values))).chain(of_variables).collect()
    }

    /// The file that Grafana loads.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut variables = vec![json!({
            "name": "datasource",
            "label": "Data source",
            "type": "datasource",
            "query": "prometheus",
            "refresh": 1,
            "regex": "",
            "hide": 0,
            "options": [],
            "multi": false,
            "includeAll": false,
            "current": {},
        })];
        variables.extend(self.variables.iter().map(Variable::json));
        json!({
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["eventpipeline"],
            "schemaVersion": SCHEMA_VERSION,
            "version": 1,
            "editable": false,
            // One cursor for all panels.
            "graphTooltip": 1,
            "time": {"from": "now-1h", "to": "now"},
            "timezone": "browser",
            "refresh": "30s",
            "annotations": {"list": []},
            "links": [{
                "title": "EventPipeline",
                "type": "dashboards",
                "tags": ["eventpipeline"],
                "asDropdown": true,
                "includeVars": true,
                "keepTime": true,
            }],
            "templating": {"list": variables},
            "panels": self.panels(),
        })
    }

    fn panels(&self) -> Vec<Value> {
        let mut panels = Vec::new();
        let (mut id, mut y) = (1, 0);
        for row in &self.rows {
            panels.push(json!({
                "id": id,
                "type": "row",
                "title": row.title,
                "collapsed": false,
                "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
                "panels": [],
            }));
            (id, y) = (id + 1, y + 1);
            let (mut x, mut height) = (0, 0);
            for panel in &row.panels {
                if x + panel.width() > COLUMNS {
                    (x, y, height) = (0, y + height, 0);
                }
                panels.push(panel.json(id, (x, y)));
                (id, x, height) = (id + 1, x + panel.width(), height.max(panel.height()));
            }
            y += height;
        }
        panels
    }
}

fn filled(query: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(query.to_owned(), |query, (name, value)| query.replace(&format!("${name}"), value))
}

fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

fn lines(stacking: &str) -> Value {
    json!({
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": if stacking == "none" { 10 } else { 40 },
        "showPoints": "never",
        "spanNulls": false,
        "stacking": {"mode": stacking, "group": "A"},
    })
}

fn time_options() -> Value {
    json!({
        "legend": {"showLegend": true, "displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    })
}

fn stat_options() -> Value {
    json!({
        "colorMode": "value",
        "graphMode": "area",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
    })
}
