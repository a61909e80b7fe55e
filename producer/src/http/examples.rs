//! The examples of the API's description. `producer/tests/it/examples.rs` sends them to a running producer.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{Content, OpenApi, RefOr};

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// A request and the response to it.
#[derive(Debug, Deserialize)]
struct Exchange {
    /// The operation's id.
    operation: String,
    title: String,
    request: Request,
    response: Response,
}

#[derive(Debug, Deserialize)]
struct Request {
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body; JSON unless a header says otherwise.
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Response {
    status: u16,
    /// The body, which is JSON.
    text: String,
}

/// Adds the bodies of requests and responses to the operations. Operations that the document lacks are skipped: a public
/// port serves only a part.
pub(super) fn add_to(document: &mut OpenApi) -> anyhow::Result<()> {
    let exchanges: Vec<Exchange> = serde_json::from_str(include_str!("../../examples.json"))
        .context("failed to read the examples of the API")?;
    let items = document.paths.paths.values_mut();
    let mut operations: BTreeMap<String, &mut Operation> = items
        .flat_map(operations)
        .filter_map(|operation| Some((operation.operation_id.clone()?, operation)))
        .collect();
    for exchange in exchanges {
        if let Some(operation) = operations.get_mut(&exchange.operation) {
            exchange.add_to(operation)?;
        }
    }
    Ok(())
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.delete].into_iter().flatten()
}

impl Exchange {
    fn add_to(self, operation: &mut Operation) -> anyhow::Result<()> {
        let Self { title, request, response, .. } = self;
        // Tools that read examples, such as Schemathesis, know no JSON lines.
        let is_json = !request.headers.contains_key("Content-Type");
        if is_json
            && let Some(text) = request.text
            && let Some(RefOr::T(described)) = &mut operation.request_body
            && let Some(content) = described.content.get_mut(JSON)
        {
            add(content, &title, parsed(&text)?);
        }
        let status = response.status.to_string();
        let kind = if response.status < 400 { JSON } else { PROBLEM };
        if let Some(RefOr::T(described)) = operation.responses.responses.get_mut(&status)
            && let Some(content) = described.content.get_mut(kind)
        {
            add(content, &title, parsed(&response.text)?);
        }
        Ok(())
    }
}

fn parsed(text: &str) -> anyhow::Result<Value> {
    serde_json::from_str(text).context("an example of the API is not JSON")
}

fn add(content: &mut RefOr<Content>, title: &str, value: Value) {
    let RefOr::T(content) = content else { return };
    // A description has either one example or several with names.
    content.example = None;
    let example = ExampleBuilder::new().value(Some(value)).build();
    content.examples.insert(title.to_owned(), RefOr::T(example));
}
