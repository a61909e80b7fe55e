//! Reads YAML documents.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use serde_json::Value;

/// Path that means standard input.
const STANDARD_INPUT: &str = "-";

/// A file that can't be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("failed to read {name}")]
    Read { name: String, source: io::Error },
}

/// The content of a file or of standard input.
pub(super) struct Source {
    /// Name in messages.
    pub(super) name: String,
    /// The pipelines, or the reason that the YAML is invalid.
    pub(super) pipelines: Result<Vec<Value>, String>,
}

/// Reads the file, or standard input if it is `-`.
pub(super) fn read(path: &Path) -> Result<Source, Error> {
    let (name, text) = if path.as_os_str() == STANDARD_INPUT {
        let mut text = String::new();
        ("standard input".to_owned(), io::stdin().read_to_string(&mut text).map(|_| text))
    } else {
        (path.display().to_string(), fs::read_to_string(path))
    };
    match text {
        Ok(text) => Ok(parse(name, &text)),
        Err(source) => Err(Error::Read { name, source }),
    }
}

/// Parses a text that has this name in messages.
pub(super) fn parse(name: impl Into<String>, text: &str) -> Source {
    Source { name: name.into(), pipelines: pipelines(text) }
}

/// Returns the pipelines of any version in the text, and ignores objects of other kinds.
fn pipelines(text: &str) -> Result<Vec<Value>, String> {
    let options = serde_saphyr::options! { with_snippet: false };
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| format!("invalid YAML: {error}"))?;
    let objects = documents.into_iter().flat_map(|document| match document {
        Value::Object(mut list) if list.get("kind").is_some_and(|kind| kind == "List") => {
            match list.remove("items") {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            }
        }
        document => vec![document],
    });
    Ok(objects.filter(|object| object["kind"] == "EventPipeline").collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipelines_are_found_among_other_documents_and_in_lists() {
        let text = "
---
kind: Secret
---
kind: EventPipeline
metadata: {name: a}
---
kind: List
items: [{kind: EventPipeline, metadata: {name: b}}, {kind: Service}]
---
";
        let found = pipelines(text).unwrap();
        assert_eq!(found.iter().map(|object| &object["metadata"]["name"]).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn invalid_yaml_is_reported_with_its_line() {
        let error = pipelines("kind: EventPipeline\nspec: {\n").unwrap_err();
        assert!(error.contains("line 2") || error.contains("line 3"), "{error}");
        assert!(pipelines("kind: EventPipeline\nkind: EventPipeline\n").is_err());
    }
}
