//! Requests to the HTTP API, by its description.

use std::sync::LazyLock;

use serde_json::Value;

use super::Request;
use crate::report::root;

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(&std::fs::read_to_string(root().join("producer/openapi.json")).unwrap()).unwrap()
});

/// Paths of admin ports, and of programs of others.
const OTHER_PATHS: [&str; 9] =
    ["/livez", "/metrics", "/openapi.json", "/queue", "/readyz", "/storage", "/volume", "/word", "/work"];

/// Checks the path, the parameters, the headers and the body of a request.
pub(super) fn check(request: &Request, url: &str) -> Result<(), String> {
    let (path, query) = path_and_query(url)?;
    if OTHER_PATHS.contains(&path) || path.starts_with("/api/v1/") {
        return Ok(());
    }
    let method = request.method();
    // A pipeline may be served below a path.
    let below = path[1..].find('/').map(|at| &path[1 + at..]);
    let operation = [Some(path), below].into_iter().flatten().find_map(|path| operation(method, path));
    let operation = operation.ok_or_else(|| format!("the API has no {method} {path}"))?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        parameter(operation, "query", name, value)?;
    }
    for header in &request.headers {
        let (name, value) = header.split_once(':').ok_or(format!("{header} is no header"))?;
        let known = ["content-type", "accept", "authorization", "host", "traceparent"];
        if !known.contains(&name.to_lowercase().as_str()) {
            parameter(operation, "header", name, value.trim())?;
        }
    }
    body(request, operation)
}

fn path_and_query(url: &str) -> Result<(&str, &str), String> {
    let url = url.split('#').next().unwrap_or_default();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.find(['/', '?']).map_or("/", |at| &rest[at..]);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if path.starts_with('/') { Ok((path, query)) } else { Err(format!("{url} has no path")) }
}

fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let fits = |template: &str| {
        let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        template.len() == path.len() && template.iter().zip(path).all(|(part, given)| segment(part, given))
    };
    let paths = DESCRIPTION["paths"].as_object()?;
    paths.iter().filter(|(template, _)| fits(template)).find_map(|(_, item)| item.get(method.to_lowercase()))
}

/// Returns whether a segment of a path fits to a segment of a template. Ids are numbers or placeholders.
fn segment(template: &str, given: &str) -> bool {
    let is_id = given.chars().all(|letter| letter.is_ascii_digit()) && !given.is_empty();
    let is_placeholder = given.chars().all(|letter| letter.is_ascii_uppercase()) && !given.is_empty();
    template == given || template.starts_with('{') && (is_id || is_placeholder)
}

fn parameter(operation: &Value, place: &str, name: &str, value: &str) -> Result<(), String> {
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_it = |known: &&Value| {
        known["in"] == place && known["name"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name))
    };
    let known =
        parameters.iter().find(is_it).ok_or_else(|| format!("the operation has no {place} {name}"))?;
    if value == "..." || value.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_') {
        return Ok(());
    }
    let schema = &known["schema"];
    let fits = match (schema["type"].as_str(), schema["enum"].as_array()) {
        (_, Some(words)) => words.iter().any(|word| word == value),
        (Some("integer"), _) => value.parse::<i64>().is_ok_and(|number| {
            schema["maximum"].as_i64().is_none_or(|most| number <= most)
                && schema["minimum"].as_i64().is_none_or(|least| number >= least)
        }),
        _ => true,
    };
    if fits { Ok(()) } else { Err(format!("{name} can't be {value}")) }
}

fn body(request: &Request, operation: &Value) -> Result<(), String> {
    let Some(body) = request.body.filter(|body| !body.starts_with('@')) else { return Ok(()) };
    let content = operation["requestBody"]["content"].as_object().ok_or("the operation has no body")?;
    let given = request.headers.iter().find_map(|header| {
        header
            .split_once(':')
            .filter(|(name, _)| name.eq_ignore_ascii_case("content-type"))
            .map(|(_, value)| value.trim())
    });
    let given = if request.is_json { Some("application/json") } else { given };
    let given = given.ok_or("the request has no Content-Type: curl sends a form")?;
    if !content.contains_key(given) {
        return Err(format!("the operation has no {given}"));
    }
    if given == "application/json" {
        serde_json::from_str::<Value>(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    }
    Ok(())
}
