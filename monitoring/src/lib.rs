//! What is looked at and what calls somebody: Grafana dashboards, Prometheus recording rules, alerts and SLOs.
//!
//! - [`Dashboard`] with its rows, panels and queries, and [`dashboards`]: the three that are shipped.
//! - [`RuleFile`] with its groups and [`Rule`]s, made from [`Settings`] by [`rules`].
//! - [`alerts_page`]: the reference of the alerts.
//!
//! JSON and YAML are written by `dev/generate.sh` and never edited. `tests/it` proves them: by Grafana's own lint rules, by
//! promtool, and by a Prometheus that scrapes the real programs under load.

mod dashboards;
mod grafana;
mod promql;
mod reference;
mod rules;

pub use dashboards::{Name, dashboard, dashboards};
pub use grafana::{Dashboard, Kind, Panel, Query, Row, Unit, Variable};
pub use reference::alerts_page;
pub use rules::{Alert, Group, Objective, Record, Rule, RuleFile, Settings, Severity, rules};
