//! The JSON of a dashboard.

use serde_json::{Value, json};

use super::visual::datasource;
use super::{Dashboard, Panel, Variable};

/// Schema version of Grafana 12. Later versions migrate it when they load the dashboard.
const SCHEMA_VERSION: u32 = 41;
/// Number of columns of Grafana's grid.
const COLUMNS: u32 = 24;

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
        let panels = self.rows.iter().flat_map(|row| row.lines.iter().flatten());
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
                "tooltip": "The dashboards of EventPipeline",
                "type": "dashboards",
                "icon": "external link",
                "tags": ["eventpipeline"],
                "asDropdown": true,
                "targetBlank": false,
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
            for line in &row.lines {
                let width = COLUMNS / u32::try_from(line.len()).unwrap_or(COLUMNS);
                for (panel, x) in line.iter().zip((0..).step_by(width as usize)) {
                    panels.push(panel.json(id, (x, y, width)));
                    id += 1;
                }
                y += line.iter().map(Panel::height).max().unwrap_or_default();
            }
        }
        panels
    }
}

fn filled(query: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(query.to_owned(), |query, (name, value)| query.replace(&format!("${name}"), value))
}
