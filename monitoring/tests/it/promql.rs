//! Parsing of queries.

use promql_parser::parser::{self, Expr, VectorSelector};

pub(crate) fn parse(query: &str) -> Result<Expr, String> {
    parser::parse(query)
}

/// Calls `see` for each part of an expression, with its enclosing parts from the outermost.
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

/// Returns all selectors of an expression.
pub(crate) fn selectors(expr: &Expr) -> Vec<&VectorSelector> {
    let mut selectors = Vec::new();
    walk(expr, &mut |part, _| match part {
        Expr::VectorSelector(selector) => selectors.push(selector),
        Expr::MatrixSelector(matrix) => selectors.push(&matrix.vs),
        _ => {}
    });
    selectors
}
