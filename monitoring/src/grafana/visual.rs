//! The JSON of a panel.

use serde_json::{Map, Value, json};

use super::levels::Color;
use super::panel::{Column, Kind, Panel, Query, Unit};

/// Height of time series and tables: space for a legend of eight rows at the side, or of four rows below.
const TALL: u32 = 9;
/// Height of large numbers.
const STAT_HEIGHT: u32 = 4;
/// Upper end of an axis of shares whose values are smaller. Otherwise the axis of a series of zeros would end at 10,000 %.
const SMALL_SHARE: f64 = 0.01;
/// Width from which the legend is at the side.
const WIDE: u32 = 12;

impl Panel {
    pub(super) fn height(&self) -> u32 {
        match self.kind {
            Kind::Lines | Kind::Stacked | Kind::Table => TALL,
            Kind::Stat => STAT_HEIGHT,
        }
    }

    pub(super) fn json(&self, id: u32, (x, y, width): (u32, u32, u32)) -> Value {
        let (type_, options) = match self.kind {
            Kind::Lines | Kind::Stacked => ("timeseries", self.time_options(width)),
            Kind::Stat => ("stat", stat_options()),
            Kind::Table => ("table", json!({"frameIndex": 0, "showHeader": true, "cellHeight": "sm"})),
        };
        let targets: Vec<Value> =
            self.queries.iter().zip('A'..).map(|(query, id)| query.json(id, self.kind)).collect();
        let mut panel = json!({
            "id": id,
            "type": type_,
            "title": self.title,
            "description": self.description,
            "datasource": datasource(),
            "gridPos": {"x": x, "y": y, "w": width, "h": self.height()},
            "fieldConfig": {"defaults": self.defaults(), "overrides": self.overrides()},
            "options": options,
            "targets": targets,
        });
        if self.kind == Kind::Table {
            panel["transformations"] = self.transformations();
        }
        panel
    }

    fn defaults(&self) -> Value {
        let custom = match self.kind {
            Kind::Lines => self.lines("none"),
            Kind::Stacked => self.lines("normal"),
            Kind::Stat => json!({}),
            Kind::Table => {
                json!({"align": "left", "cellOptions": {"type": "auto"}, "inspect": false, "minWidth": 100})
            }
        };
        let color =
            if matches!(self.kind, Kind::Lines | Kind::Stacked) { "palette-classic" } else { "thresholds" };
        let mut defaults = field(self.unit);
        defaults.extend([
            ("min".to_owned(), json!(0)),
            ("color".to_owned(), json!({"mode": color})),
            ("thresholds".to_owned(), self.levels.json()),
            ("noValue".to_owned(), json!("no data")),
            ("custom".to_owned(), custom),
        ]);
        Value::Object(defaults)
    }

    fn lines(&self, stacking: &str) -> Value {
        let mut lines = json!({
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": if stacking == "none" { 10 } else { 40 },
            "showPoints": "never",
            "spanNulls": false,
            "stacking": {"mode": stacking, "group": "A"},
            "thresholdsStyle": {"mode": if self.levels.are_neutral() { "off" } else { "dashed" }},
        });
        if self.unit == Unit::Share {
            lines["axisSoftMax"] = json!(SMALL_SHARE);
        }
        lines
    }

    fn time_options(&self, width: u32) -> Value {
        let single = self.queries.len() == 1 && self.has_fixed_series();
        json!({
            "legend": {
                "showLegend": true,
                "displayMode": if single { "list" } else { "table" },
                "placement": if width >= WIDE && !single { "right" } else { "bottom" },
                "calcs": ["lastNotNull", "max"],
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        })
    }

    fn overrides(&self) -> Vec<Value> {
        let limits = self.limits.iter().map(|legend| {
            overridden(
                "byName",
                legend,
                &[
                    ("color", fixed(Color::Neutral)),
                    ("custom.lineStyle", json!({"fill": "dash", "dash": [8, 6]})),
                    ("custom.fillOpacity", json!(0)),
                    ("custom.stacking", json!({"mode": "none", "group": "A"})),
                ],
            )
        });
        let colors = self.colors.iter().map(|(legend, color)| {
            overridden("byRegexp", &format!("/{legend}/"), &[("color", fixed(*color))])
        });
        limits.chain(colors).chain(self.columns.iter().map(Column::json)).collect()
    }

    /// Joins the queries' results by their labels, and names the columns.
    fn transformations(&self) -> Value {
        let title = |label: &str| match label {
            "eventpipeline" => "Pipeline".to_owned(),
            label => label[..1].to_uppercase() + &label[1..],
        };
        let labels = ["namespace", "eventpipeline", "component", "pod", "version"];
        let mut names: Map<String, Value> =
            labels.map(|label| (label.to_owned(), json!(title(label)))).into_iter().collect();
        let several = self.queries.len() > 1;
        names.extend(self.queries.iter().zip('A'..).map(|(query, id)| {
            (if several { format!("Value #{id}") } else { "Value".to_owned() }, json!(query.legend))
        }));
        json!([
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {"excludeByName": {"Time": true}, "indexByName": {}, "renameByName": names}},
        ])
    }
}

impl Column {
    fn json(&self) -> Value {
        let mut properties: Vec<(String, Value)> = self.unit.map(field).into_iter().flatten().collect();
        if !self.levels.are_neutral() {
            properties.push(("thresholds".to_owned(), self.levels.json()));
            properties.push(("custom.cellOptions".to_owned(), json!({"type": "color-text"})));
        }
        if let Some(url) = self.link {
            properties.push(("links".to_owned(), json!([{"title": "Details", "url": url}])));
        }
        let properties: Vec<(&str, Value)> =
            properties.iter().map(|(id, value)| (id.as_str(), value.clone())).collect();
        overridden("byName", self.name, &properties)
    }
}

impl Query {
    fn json(&self, id: char, kind: Kind) -> Value {
        let mut query = json!({
            "refId": id,
            "datasource": datasource(),
            "editorMode": "code",
            "expr": self.expr,
        });
        if kind == Kind::Table {
            query["format"] = json!("table");
            query["instant"] = json!(true);
        } else {
            query["legendFormat"] = json!(self.legend);
            query["range"] = json!(true);
        }
        query
    }
}

/// Returns the settings of a field that depend on its unit.
fn field(unit: Unit) -> Map<String, Value> {
    let name: &str = unit.into();
    let mut field = Map::from_iter([("unit".to_owned(), json!(name))]);
    if unit == Unit::YesNo {
        let options = json!({"0": {"text": "No", "index": 0}, "1": {"text": "Yes", "index": 1}});
        field.insert("mappings".to_owned(), json!([{"type": "value", "options": options}]));
    }
    field
}

fn fixed(color: Color) -> Value {
    let color: &str = color.into();
    json!({"mode": "fixed", "fixedColor": color})
}

fn overridden(matcher: &str, of: &str, properties: &[(&str, Value)]) -> Value {
    let properties: Vec<Value> =
        properties.iter().map(|(id, value)| json!({"id": id, "value": value})).collect();
    json!({"matcher": {"id": matcher, "options": of}, "properties": properties})
}

pub(super) fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

fn stat_options() -> Value {
    json!({
        "colorMode": "value",
        // A graph would run behind the number.
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "value",
        "wideLayout": true,
        "showPercentChange": false,
        "percentChangeColorMode": "standard",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
    })
}
