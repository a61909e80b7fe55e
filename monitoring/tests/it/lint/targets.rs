//! Rules about queries.

use std::time::Duration;

use promql_parser::label::MatchOp;
use promql_parser::parser::Expr;
use serde_json::Value;

use super::{Findings, shown};
use crate::promql::{parse, selectors, walk};

/// A label that queries do not use otherwise.
const RATE_INTERVAL: (&str, Duration) = ("7919s", Duration::from_secs(7919));

fn all(dashboard: &Value) -> impl Iterator<Item = &Value> {
    shown(dashboard).flat_map(|panel| panel["targets"].as_array().unwrap())
}

/// Replaces the variables of a query that stand for durations.
fn parsed(target: &Value) -> Result<Expr, String> {
    let query = target["expr"].as_str().unwrap();
    parse(&query.replace("$__rate_interval", RATE_INTERVAL.0)).map_err(|error| format!("{query}: {error}"))
}

fn wrong(dashboard: &Value, right: impl Fn(&Expr) -> bool) -> Findings {
    let queries = all(dashboard).filter(|target| parsed(target).is_ok_and(|expr| !right(&expr)));
    queries.map(|target| target["expr"].to_string()).collect()
}

/// Log queries must be valid; the dashboards have none.
pub(super) fn logql(dashboard: &Value) -> Findings {
    all(dashboard).filter(|it| it["datasource"]["type"] == "loki").map(|it| it["expr"].to_string()).collect()
}

/// Log queries must use `$__auto`.
pub(super) fn logql_auto(dashboard: &Value) -> Findings {
    let logs = all(dashboard).filter(|it| it["datasource"]["type"] == "loki");
    logs.map(|it| it["expr"].to_string()).filter(|query| !query.contains("$__auto")).collect()
}

pub(super) fn promql(dashboard: &Value) -> Findings {
    all(dashboard).filter_map(|target| parsed(target).err()).collect()
}

pub(super) fn rate_interval(dashboard: &Value) -> Findings {
    wrong(dashboard, |expr| {
        let mut right = true;
        walk(expr, &mut |part, parents| {
            let rate = matches!(parents.last(), Some(Expr::Call(call)) if matches!(call.func.name, "rate" | "irate"));
            right &= !matches!(part, Expr::MatrixSelector(matrix) if rate && matrix.range != RATE_INTERVAL.1);
        });
        right
    })
}

pub(super) fn job(dashboard: &Value) -> Findings {
    matched(dashboard, "job")
}

pub(super) fn instance(dashboard: &Value) -> Findings {
    matched(dashboard, "instance")
}

/// Every selector must have `LABEL=~"$LABEL"`.
fn matched(dashboard: &Value, label: &str) -> Findings {
    wrong(dashboard, |expr| {
        selectors(expr).iter().all(|selector| {
            let mut matchers = selector.matchers.matchers.iter();
            matchers.any(|it| {
                it.name == label && matches!(it.op, MatchOp::Re(_)) && it.value == format!("${label}")
            })
        })
    })
}

pub(super) fn counter_aggregation(dashboard: &Value) -> Findings {
    wrong(dashboard, |expr| {
        let mut right = true;
        walk(expr, &mut |part, parents| match part {
            Expr::VectorSelector(selector) => right &= !counter(selector.name.as_deref()),
            Expr::MatrixSelector(matrix) if counter(matrix.vs.name.as_deref()) => {
                let call = parents.last();
                right &= matches!(call, Some(Expr::Call(call)) if matches!(call.func.name, "rate" | "irate" | "increase"));
            }
            _ => {}
        });
        right
    })
}

fn counter(name: Option<&str>) -> bool {
    name.is_some_and(|name| name.ends_with("_total"))
}
