//! The JSON of a dashboard.

use serde_json::{Value, json};

use super::{Dashboard, Kind, Panel, Query, Variable};

/// Schema version of Grafana 12. Later versions migrate it when they load the dashboard.
const SCHEMA_VERSION: u32 = 41;
/// Number of columns of Grafana's grid.
const COLUMNS: u32 = 24;
const PANEL_HEIGHT: u32 = 8;
const STAT_HEIGHT: u32 = 4;

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
            // On every change of the time range: series that ended still existed earlier.
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
    /// Returns all queries with the titles of their panels, with `values` in place of Grafana's variables.
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

    /// Returns the JSON that Grafana loads.
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
            // A shared crosshair.
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
