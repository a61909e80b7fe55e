//! The YAML that is looked at.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use serde_json::Value;

/// What stands for standard input.
const STANDARD_INPUT: &str = "-";

/// What could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("failed to read {name}")]
    Read { name: String, source: io::Error },
}

/// A file, or standard input.
pub(super) struct Source {
    /// How it is called in what is printed.
    pub(super) name: String,
    /// Its pipelines, or what keeps its YAML from being read.
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
        Ok(text) => Ok(Source { name, pipelines: pipelines(&text) }),
        Err(source) => Err(Error::Read { name, source }),
    }
}

/// The pipelines of the text, whatever their version. Objects of other kinds are somebody else's to check.
fn pipelines(text: &str) -> Result<Vec<Value>, String> {
    let options = serde_saphyr::options! { with_snippet: false };
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| format!("this is not YAML: {error}"))?;
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
    fn what_is_no_yaml_is_told_with_its_place() {
        let error = pipelines("kind: EventPipeline\nspec: {\n").unwrap_err();
        assert!(error.contains("line 2") || error.contains("line 3"), "{error}");
        assert!(pipelines("kind: EventPipeline\nkind: EventPipeline\n").is_err());
    }
}
