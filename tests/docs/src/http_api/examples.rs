//! Examples: a command with curl, and the response.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::StatusCode;
use serde::Deserialize;

use super::Error;

/// A line of JSON that is longer is written as several.
const WIDE: usize = 100;

/// A request and its response.
#[derive(Debug, Deserialize)]
pub(super) struct Exchange {
    /// The operation's id.
    pub(super) operation: String,
    title: String,
    request: Request,
    response: Response,
}

#[derive(Debug, Deserialize)]
struct Request {
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Response {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    text: String,
}

impl Exchange {
    /// Writes the example as a section.
    pub(super) fn write(&self, page: &mut String) -> Result<(), Error> {
        let Self { title, request, response, .. } = self;
        let status = StatusCode::from_u16(response.status)?;
        let hint = if response.status < 400 { "" } else { " refused" };
        let _ = write!(
            page,
            "\n### {title}\n\n```sh{hint}\n{}\n```\n\n```http\nHTTP/1.1 {status}\n",
            request.command()
        );
        let kind = if response.status < 400 { "application/json" } else { "application/problem+json" };
        let _ = writeln!(page, "content-type: {kind}");
        for (name, value) in &response.headers {
            let _ = writeln!(page, "{}: {value}", name.to_lowercase());
        }
        let _ = write!(page, "\n{}\n```\n", spread(&response.text));
        Ok(())
    }
}

impl Request {
    fn command(&self) -> String {
        let Self { method, path, headers, text } = self;
        let lines = headers.get("Content-Type").is_some_and(|kind| kind.ends_with("ndjson"));
        let url = if path.contains(['?', '&']) { format!("\"$EP{path}\"") } else { format!("$EP{path}") };
        let method = if text.is_some() || method == "GET" { String::new() } else { format!("-X {method} ") };
        let mut command = format!("curl {method}{url}");
        for (name, value) in headers {
            let _ = write!(command, " -H '{name}: {value}'");
        }
        match text {
            Some(text) if lines => {
                let quoted: Vec<_> = text.lines().map(|line| format!("'{line}'")).collect();
                format!("printf '%s\\n' {} |\n  {command} --data-binary @-", quoted.join(" "))
            }
            Some(text) => format!("{command} --json '{text}'"),
            None => command,
        }
    }
}

/// Puts the fields of a long JSON text on lines of their own, without changing their order.
fn spread(json: &str) -> String {
    if json.len() <= WIDE {
        return json.to_owned();
    }
    let (mut text, mut depth, mut quoted, mut escaped) = (String::new(), 0, false, false);
    for letter in json.chars() {
        if !quoted && matches!(letter, '}' | ']') {
            depth -= 1;
            line(&mut text, depth);
        }
        text.push(letter);
        match letter {
            '"' if !escaped => quoted = !quoted,
            '{' | '[' if !quoted => {
                depth += 1;
                line(&mut text, depth);
            }
            ',' if !quoted => line(&mut text, depth),
            ':' if !quoted => text.push(' '),
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
    }
    text
}

fn line(text: &mut String, depth: usize) {
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
}

#[test]
fn long_json_is_spread_over_lines() {
    let long = format!(r#"{{"a":[1,"x,\"{{:"],"b":"{}"}}"#, "y".repeat(WIDE));
    let spread = spread(&long);
    assert!(spread.starts_with("{\n  \"a\": [\n    1,\n    \"x,\\\"{:\"\n  ],\n  \"b\": \"y"), "{spread}");
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parse(&spread), parse(&long));
}
