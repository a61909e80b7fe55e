//! The dashboards, compared with Grafana's own types: those of grafana-foundation-sdk, read from their source.

mod go;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use eventpipeline_testkit::grafana_types;
use serde_json::{Value, json};

use super::committed::shipped_dashboards;
use go::Package;

/// Grafana's types by package.
struct Types(BTreeMap<&'static str, Package>);

/// A value's place in the dashboard, and the differences found so far.
struct Findings<'a> {
    place: String,
    found: &'a mut Vec<String>,
}

impl Findings<'_> {
    fn add(&mut self, text: &str) {
        self.found.push(format!("{}: {text}", self.place));
    }

    /// Returns the findings of a part.
    fn part(&mut self, name: &str) -> Findings<'_> {
        Findings { place: format!("{}{name}", self.place), found: self.found }
    }
}

impl Types {
    fn read(folder: &Path) -> io::Result<Self> {
        let packages = ["common", "dashboard", "prometheus", "stat", "table", "timeseries"];
        let read = packages.into_iter().map(|name| Ok((name, Package::read(&folder.join(name))?)));
        read.collect::<io::Result<_>>().map(Self)
    }

    /// Compares a value with a Go type of a package.
    fn check(&self, package: &str, kind: &str, value: &Value, findings: &mut Findings<'_>) {
        if let Some(kind) = kind.strip_prefix('*') {
            if !value.is_null() {
                self.check(package, kind, value, findings);
            }
        } else if let Some(kind) = kind.strip_prefix("[]") {
            let Some(values) = value.as_array() else { return findings.add("must be a list") };
            for (index, value) in values.iter().enumerate() {
                self.check(package, kind, value, &mut findings.part(&format!("[{index}]")));
            }
        } else if let Some((_, kind)) = kind.strip_prefix("map[").and_then(|it| it.split_once(']')) {
            let Some(values) = value.as_object() else { return findings.add("must be an object") };
            for (name, value) in values {
                self.check(package, kind, value, &mut findings.part(&format!(".{name}")));
            }
        } else if let Some((package, kind)) = kind.split_once('.') {
            // Interfaces of other packages are checked by the type of the panel and of the data source.
            if package != "variants" {
                self.named(package, kind, value, findings);
            }
        } else if !plain(kind, value, findings) {
            self.named(package, kind, value, findings);
        }
    }

    fn named(&self, package: &str, kind: &str, value: &Value, findings: &mut Findings<'_>) {
        let Some(types) = self.0.get(package) else { return findings.add(&format!("no package {package}")) };
        if let Some(values) = types.enums.get(kind) {
            if !values.contains(&value.to_string()) {
                findings.add(&format!("{value} is not one of {values:?}"));
            }
        } else if let Some(fields) = types.structs.get(kind) {
            let union = kind.contains("Or") && fields.values().all(|field| !field.required);
            if union {
                return self.union(
                    package,
                    fields.values().map(|field| field.kind.as_str()),
                    value,
                    findings,
                );
            }
            let Some(object) = value.as_object() else { return findings.add("must be an object") };
            for (name, value) in object {
                match fields.get(name) {
                    Some(field) => {
                        self.check(package, &field.kind, value, &mut findings.part(&format!(".{name}")));
                    }
                    None => findings.part(&format!(".{name}")).add(&format!("no field of {package}.{kind}")),
                }
            }
            let missing = |(name, field): &(&String, &go::Field)| {
                let nullable = field.kind.starts_with('*');
                field.required && object.get(*name).is_none_or(|value| value.is_null() && !nullable)
            };
            for (name, _) in fields.iter().filter(missing) {
                findings
                    .part(&format!(".{name}"))
                    .add(&format!("a required field of {package}.{kind} is missing"));
            }
        } else if let Some(other) = types.aliases.get(kind) {
            self.check(package, other, value, findings);
        } else {
            findings.add(&format!("no type {package}.{kind}"));
        }
    }

    /// Compares a value with the alternatives of a union, and reports the differences from the closest one.
    fn union<'a>(
        &self,
        package: &str,
        kinds: impl Iterator<Item = &'a str>,
        value: &Value,
        findings: &mut Findings<'_>,
    ) {
        let differences = kinds.map(|kind| {
            let mut found = Vec::new();
            self.check(
                package,
                kind,
                value,
                &mut Findings { place: findings.place.clone(), found: &mut found },
            );
            found
        });
        let closest = differences.min_by_key(Vec::len).unwrap_or_default();
        findings.found.extend(closest);
    }

    /// Compares the parts of a panel whose types depend on the panel and its data source.
    fn panel(&self, panel: &Value, findings: &mut Findings<'_>) {
        let Some(kind) = panel["type"].as_str().filter(|kind| self.0.contains_key(kind)) else {
            return findings.add(&format!("no panel type {}", panel["type"]));
        };
        self.check(kind, "Options", &panel["options"], &mut findings.part(".options"));
        let custom = &panel["fieldConfig"]["defaults"]["custom"];
        let types = &self.0[kind];
        if types.structs.contains_key("FieldConfig") || types.aliases.contains_key("FieldConfig") {
            self.check(kind, "FieldConfig", custom, &mut findings.part(".fieldConfig.defaults.custom"));
        } else if custom != &json!({}) {
            findings.part(".fieldConfig.defaults.custom").add("must be empty");
        }
        self.check("prometheus", "[]Dataquery", &panel["targets"], &mut findings.part(".targets"));
    }

    /// Returns the differences of a dashboard from Grafana's types.
    fn differences(&self, dashboard: &Value) -> Vec<String> {
        let mut found = Vec::new();
        let mut findings = Findings { place: String::new(), found: &mut found };
        let mut whole = dashboard.clone();
        let panels = whole.as_object_mut().and_then(|fields| fields.remove("panels")).unwrap_or_default();
        self.check("dashboard", "Dashboard", &whole, &mut findings);
        for panel in panels.as_array().into_iter().flatten() {
            let mut findings = findings.part(&format!("panel {}", panel["id"]));
            if panel["type"] == "row" {
                self.check("dashboard", "RowPanel", panel, &mut findings);
            } else {
                self.check("dashboard", "Panel", panel, &mut findings);
                self.panel(panel, &mut findings);
            }
        }
        found
    }
}

/// Returns true for a type of Go itself, after comparing the value with it.
fn plain(kind: &str, value: &Value, findings: &mut Findings<'_>) -> bool {
    let right = match kind {
        "any" | "interface{}" => true,
        "string" => value.is_string(),
        "bool" => value.is_boolean(),
        "float32" | "float64" => value.is_number(),
        kind if kind.trim_start_matches('u').starts_with("int") => value.is_i64() || value.is_u64(),
        _ => return false,
    };
    if !right {
        findings.add(&format!("{value} is not {kind}"));
    }
    true
}

#[test]
fn dashboards_are_complete_and_valid() {
    let types = Types::read(&grafana_types()).unwrap();
    for (name, dashboard) in shipped_dashboards() {
        assert_eq!(types.differences(&dashboard), Vec::<String>::new(), "{name:?}");
    }
}

#[test]
fn each_fault_is_found() {
    let types = Types::read(&grafana_types()).unwrap();
    let stat = "/panels/1";
    let cases = [
        ("", "refesh", json!("30s"), "no field of dashboard.Dashboard"),
        (stat, "titel", json!("x"), "no field of dashboard.Panel"),
        (stat, "title", json!(1), "1 is not string"),
        ("/panels/1/options", "wideLayout", json!(null), "required field of stat.Options is missing"),
        ("/panels/1/options", "graphMode", json!("areas"), "is not one of"),
        ("/panels/1/gridPos", "w", json!("4"), "is not uint32"),
        ("/panels/1/fieldConfig/defaults", "units", json!("s"), "no field of dashboard.FieldConfig"),
        ("/panels/1/fieldConfig/defaults/custom", "fill", json!(1), "must be empty"),
        ("/panels/1/targets/0", "format", json!("tabel"), "is not one of"),
        ("/panels/1", "type", json!("graphs"), "no panel type"),
        ("/links/0", "icon", json!(null), "required field of dashboard.DashboardLink is missing"),
        ("/templating/list/0", "current", json!({}), "required field of dashboard.VariableOption is missing"),
        ("/templating/list/0", "hide", json!(7), "is not one of"),
    ];
    let (_, whole) = shipped_dashboards().remove(0);
    for (place, field, value, expected) in cases {
        let mut dashboard = whole.clone();
        dashboard.pointer_mut(place).unwrap()[field] = value;
        let found = types.differences(&dashboard);
        assert!(found.iter().any(|it| it.contains(expected)), "{place}/{field}: {found:?}");
    }
}
