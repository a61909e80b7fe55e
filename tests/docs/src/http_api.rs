//! The operations of the HTTP API: parameters, responses, and an example of each.

mod examples;
mod schemas;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use examples::Exchange;

/// An error of the page.
pub(crate) type Error = Box<dyn std::error::Error>;

const HEAD: &str = "# HTTP API

`dev/generate.sh` generates this page from [the description](../../producer/openapi.json) that a producer, the pipeline's API
server, serves at `/openapi.json`. A test sends the examples of this page to a producer in this order, and compares the
responses. [The API](api.md) explains keys, waiting, errors and limits.

In the examples, `$EP` is the address of the pipeline: `EP=http://127.0.0.1:8080`. Times in responses are in UTC. Every
response also has the headers `x-service-language` and `x-served-by`.

";

/// Returns the page of an OpenAPI description with these examples.
pub(crate) fn page(description: &Path, examples: &Path) -> Result<String, Error> {
    let description: Value = serde_json::from_str(&fs::read_to_string(description)?)?;
    let exchanges: Vec<Exchange> = serde_json::from_str(&fs::read_to_string(examples)?)?;
    let mut page = HEAD.to_owned();
    let operations = operations(&description, &exchanges)?;
    page.push_str("| operation | purpose |\n|---|---|\n");
    for (title, operation, _) in &operations {
        let anchor = title.to_lowercase().replace(' ', "-").replace(['/', '{', '}', '(', ')'], "");
        let _ = writeln!(page, "| [`{title}`](#{anchor}) | {} |", text(&operation["summary"]));
    }
    for (title, operation, examples) in &operations {
        let _ = write!(page, "\n## {title}\n\n{}\n", text(&operation["summary"]));
        if let Some(more) = operation["description"].as_str() {
            let _ = write!(page, "\n{more}\n");
        }
        parameters(&mut page, operation);
        body(&mut page, operation);
        responses(&mut page, operation);
        for example in examples {
            example.write(&mut page)?;
        }
    }
    schemas::write(&mut page, &description["components"]["schemas"]);
    Ok(page)
}

type Operation<'a> = (String, &'a Value, Vec<&'a Exchange>);

/// Returns all operations with their examples, in the order of the examples.
fn operations<'a>(description: &'a Value, exchanges: &'a [Exchange]) -> Result<Vec<Operation<'a>>, Error> {
    let mut operations: Vec<Operation> = Vec::new();
    let paths = description["paths"].as_object().ok_or("the description has no paths")?;
    for (path, item) in paths {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let id = text(&operation["operationId"]);
            let examples: Vec<_> = exchanges.iter().filter(|exchange| exchange.operation == id).collect();
            if examples.is_empty() {
                return Err(format!("{id} has no example").into());
            }
            // The path alone would not make an anchor.
            let suffix = if path == "/" { format!(" ({id})") } else { String::new() };
            operations.push((format!("{} {path}{suffix}", method.to_uppercase()), operation, examples));
        }
    }
    let place = |id: &str| exchanges.iter().position(|exchange| exchange.operation == id);
    operations.sort_by_key(|(_, operation, _)| place(text(&operation["operationId"])));
    Ok(operations)
}

/// Returns a text, or an empty one.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn parameters(page: &mut String, operation: &Value) {
    let Some(parameters) = operation["parameters"].as_array() else { return };
    page.push_str("\n| parameter | place | values | meaning |\n|---|---|---|---|\n");
    for parameter in parameters {
        let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
        let required = if parameter["required"] == true && place != "path" { ", required" } else { "" };
        let values = schemas::kind(&parameter["schema"]);
        let _ = writeln!(
            page,
            "| `{name}` | {place}{required} | {values} | {} |",
            text(&parameter["description"])
        );
    }
}

fn body(page: &mut String, operation: &Value) {
    let Some(content) = operation["requestBody"]["content"].as_object() else { return };
    let kinds =
        content.iter().map(|(kind, content)| format!("`{kind}` ({})", schemas::kind(&content["schema"])));
    let kinds: Vec<_> = kinds.collect();
    let required = if operation["requestBody"]["required"] == true { "" } else { ", optional" };
    let _ = write!(page, "\nBody{required}: {}.\n", kinds.join(" or "));
}

fn responses(page: &mut String, operation: &Value) {
    page.push_str("\n| status | meaning | body | headers |\n|---|---|---|---|\n");
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let bodies = response["content"].as_object().into_iter().flatten();
        let bodies: Vec<_> = bodies.map(|(_, content)| body_of(content)).collect();
        let headers = response["headers"].as_object().into_iter().flatten();
        let headers = headers.map(|(name, header)| format!("`{name}`: {}", text(&header["description"])));
        let headers: Vec<_> = headers.collect();
        let (meaning, bodies) = (text(&response["description"]), bodies.join(", "));
        let _ = writeln!(page, "| {status} | {meaning} | {bodies} | {} |", headers.join("; "));
    }
}

/// Returns the type of a body, and the kinds of problems in its examples.
fn body_of(content: &Value) -> String {
    let examples =
        content["examples"].as_object().into_iter().flatten().map(|(_, example)| &example["value"]);
    let types = examples.chain([&content["example"]]).filter_map(|example| example["type"].as_str());
    let words: BTreeSet<_> =
        types.filter_map(|name| name.rsplit(':').next()).map(|word| format!("`{word}`")).collect();
    let kind = schemas::kind(&content["schema"]);
    if words.is_empty() { kind } else { format!("{kind}: {}", Vec::from_iter(words).join(", ")) }
}
