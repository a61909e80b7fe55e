//! Go types, read from source text: structs with their JSON fields, enums, and names of other types.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;

/// A field of a struct in JSON.
#[derive(Debug)]
pub(super) struct Field {
    /// Go type.
    pub(super) kind: String,
    pub(super) required: bool,
}

/// The types of a package, by name.
#[derive(Debug, Default)]
pub(super) struct Package {
    pub(super) structs: BTreeMap<String, BTreeMap<String, Field>>,
    /// Types that are defined as another one.
    pub(super) aliases: BTreeMap<String, String>,
    /// Values of an enum, as JSON.
    pub(super) enums: BTreeMap<String, BTreeSet<String>>,
}

impl Package {
    /// Reads `types_gen.go` in a folder.
    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        let file = folder.join("types_gen.go");
        Ok(Self::parse(&fs::read_to_string(file)?))
    }

    pub(super) fn parse(text: &str) -> Self {
        let mut package = Self::default();
        let mut of = None;
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["type", name, "struct", "{"] => of = Some(name.to_owned()),
                ["}"] => of = None,
                ["type", name, "=", kind] | ["type", name, kind] => {
                    package.aliases.insert(name.to_owned(), kind.to_owned());
                }
                // An indented assignment is a value of an enum: the name of the constant, the type and the value.
                [_, kind, "=", ..] if line.starts_with('\t') && of.is_none() => package.value(kind, line),
                [_, kind, tag] if tag.starts_with("`json:") => {
                    if let Some(of) = &of {
                        let (name, field) = field(kind, tag);
                        package.structs.entry(of.clone()).or_default().insert(name, field);
                    }
                }
                _ => {}
            }
        }
        package
    }

    fn value(&mut self, kind: &str, line: &str) {
        let text = line.split_once(" = ").map_or("", |(_, text)| text);
        if let Ok(value) = serde_json::from_str::<Value>(text) {
            self.enums.entry(kind.to_owned()).or_default().insert(value.to_string());
        }
    }
}

/// Reads a tag such as `` `json:"name,omitempty"` ``.
fn field(kind: &str, tag: &str) -> (String, Field) {
    let tag = tag.trim_start_matches("`json:\"").trim_end_matches("\"`");
    let (name, options) = tag.split_once(',').unwrap_or((tag, ""));
    (name.to_owned(), Field { kind: kind.to_owned(), required: options != "omitempty" })
}
