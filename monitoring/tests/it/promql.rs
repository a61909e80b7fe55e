//! Reading queries.

use std::collections::BTreeMap;

use promql_parser::parser::{self, Expr, VectorSelector};
use serde_json::Value;

/// The query with a value for each of Grafana's variables.
pub(crate) fn substituted(query: &str, values: &BTreeMap<String, String>) -> String {
    // The longest first: `$job` is the beginning of what might be `$jobs`.
    values.iter().rev().fold(query.to_owned(), |query, (name, value)| {
        query.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value)
    })
}

/// Values that every query can be parsed with: all of everything.
pub(crate) fn everything(dashboard: &Value, rate_interval: &str) -> BTreeMap<String, String> {
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let named =
        variables.iter().map(|variable| (variable["name"].as_str().unwrap().to_owned(), ".+".to_owned()));
    named.chain([("__rate_interval".to_owned(), rate_interval.to_owned())]).collect()
}

pub(crate) fn parse(query: &str) -> Result<Expr, String> {
    parser::parse(query)
}

/// Calls `see` with each part of an expression and the parts that it is in, the outermost first.
pub(crate) fn walk<'a>(expr: &'a Expr, see: &mut impl FnMut(&'a Expr, &[&'a Expr])) {
    fn inner<'a>(expr: &'a Expr, parents: &mut Vec<&'a Expr>, see: &mut impl FnMut(&'a Expr, &[&'a Expr])) {
        see(expr, parents);
        parents.push(expr);
        let children: Vec<&Expr> = match expr {
            Expr::Aggregate(it) => vec![&it.expr],
            Expr::Unary(it) => vec![&it.expr],
            Expr::Binary(it) => vec![&it.lhs, &it.rhs],
            Expr::Paren(it) => vec![&it.expr],
            Expr::Subquery(it) => vec![&it.expr],
            Expr::Call(it) => it.args.args.iter().map(AsRef::as_ref).collect(),
            Expr::NumberLiteral(_)
            | Expr::StringLiteral(_)
            | Expr::VectorSelector(_)
            | Expr::MatrixSelector(_)
            | Expr::Extension(_) => Vec::new(),
        };
        for child in children {
            inner(child, parents, see);
        }
        parents.pop();
    }
    inner(expr, &mut Vec::new(), see);
}

/// All that an expression reads.
pub(crate) fn selectors(expr: &Expr) -> Vec<&VectorSelector> {
    let mut selectors = Vec::new();
    walk(expr, &mut |part, _| match part {
        Expr::VectorSelector(selector) => selectors.push(selector),
        Expr::MatrixSelector(matrix) => selectors.push(&matrix.vs),
        _ => {}
    });
    selectors
}
