//! Grafana dashboards, Prometheus recording rules, alerts and SLOs of EventPipeline, as code.
//!
//! - [`Dashboard`] with its rows, panels and queries, and [`dashboards`]: the three shipped dashboards.
//! - [`RuleFile`] with its groups and [`Rule`]s, which [`rules`] makes with [`Thresholds`].
//! - [`alerts_page`]: the reference page of the alerts.
//!
//! `dev/generate.sh` writes the JSON and YAML files, which are never edited. `tests/it` checks them with Grafana's own lint
//! rules, with promtool, and with a Prometheus that scrapes the real programs under load.

mod dashboards;
mod grafana;
mod promql;
mod reference;
mod rules;

pub use dashboards::{Name, dashboard, dashboards};
pub use grafana::{Color, Column, Dashboard, Kind, Levels, Panel, Query, Row, Unit, Variable};
pub use reference::alerts_page;
pub use rules::{
    Alert, Group, Record, Rule, RuleFile, Severity, Threshold, Thresholds, rules, rules_template,
};
