//! The objects of requests and responses.

use std::fmt::Write as _;

use serde_json::Value;

use super::text;

/// Name of the schema of any JSON document.
const ANY: &str = "AnyJson";

/// Writes a table of the fields of each object.
pub(super) fn write(page: &mut String, schemas: &Value) {
    page.push_str("\n## Objects\n");
    for (name, schema) in schemas.as_object().into_iter().flatten().filter(|(name, _)| *name != ANY) {
        let _ = write!(page, "\n### {name}\n\n{}\n", text(&schema["description"]));
        let Some(fields) = schema["properties"].as_object() else {
            let _ = write!(page, "\nValues: {}.\n", kind(schema));
            continue;
        };
        page.push_str("\n| field | values | meaning |\n|---|---|---|\n");
        let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
        for (field, schema) in fields {
            let optional = if required.iter().any(|name| *name == field) { "" } else { ", optional" };
            let meaning = text(&schema["description"]).replace('\n', " ");
            let _ = writeln!(page, "| `{field}` | {}{optional} | {meaning} |", kind(schema));
        }
    }
}

/// Returns what a value may be.
pub(super) fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return if name == ANY {
            "any JSON".to_owned()
        } else {
            format!("[{name}](#{})", name.to_lowercase())
        };
    }
    let alternatives = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    if let Some(kinds) = alternatives {
        return kinds.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<_> = words.iter().map(|word| format!("`{}`", text(word))).collect();
        return words.join(", ");
    }
    let name = match &schema["type"] {
        Value::Array(names) => names.iter().map(text).collect::<Vec<_>>().join(" or "),
        name => text(name).to_owned(),
    };
    let name = match (name.as_str(), text(&schema["format"])) {
        ("array", _) => format!("array of {}", kind(&schema["items"])),
        (_, "date-time") => name.replace("string", "RFC 3339 time"),
        _ => name,
    };
    match (number(&schema["minimum"]), number(&schema["maximum"]), number(&schema["maxLength"])) {
        (Some(least), Some(most), _) => format!("{name} from {least} to {most}"),
        (Some(least), None, _) => format!("{name}, at least {least}"),
        (_, _, Some(most)) => format!("{name} of at most {most} characters"),
        _ => name,
    }
}

fn number(value: &Value) -> Option<String> {
    value.is_number().then(|| value.to_string())
}
