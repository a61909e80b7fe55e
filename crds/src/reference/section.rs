//! The section of an object: a heading and a table.

use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};

use super::bounds;

/// Maximum length of a default in the table. The fields of an object show a longer one.
const LONGEST_DEFAULT: usize = 40;

/// An object with fields.
pub(super) struct Section<'a> {
    /// Path of the object, such as `spec.producers[].pod`.
    pub(super) path: String,
    pub(super) schema: &'a JSONSchemaProps,
}

impl Section<'_> {
    /// Writes the section and returns the objects inside it. Returns none if an object with the same fields
    /// is already written.
    pub(super) fn write(&self, written: &[Section<'_>], text: &mut String) -> Vec<Self> {
        let Self { path, schema } = self;
        let level = if path.contains('.') { "###" } else { "##" };
        let _ = write!(text, "\n{level} {path}\n\n{}\n", plain(schema.description.as_deref()));
        if let Some(same) = written.iter().find(|other| is_like(other.schema, schema)) {
            let _ = writeln!(
                text,
                "\nFields and rules are the same as those of {}.",
                link(&same.path, &same.path)
            );
            return Vec::new();
        }
        write_rules(schema, text);
        text.push_str("\n| field | type | default | |\n|---|---|---|---|\n");
        let mut inside = Vec::new();
        for (name, field) in schema.properties.iter().flatten() {
            let section = object(field)
                .map(|(suffix, schema)| Section { path: format!("{path}.{name}{suffix}"), schema });
            let required = schema.required.iter().flatten().any(|required| required == name);
            row(name, field, required, section.as_ref(), text);
            inside.extend(section);
        }
        inside
    }
}

fn row(
    name: &str,
    field: &JSONSchemaProps,
    required: bool,
    section: Option<&Section<'_>>,
    text: &mut String,
) {
    let shown =
        section.map_or_else(|| format!("`{name}`"), |section| link(&format!("`{name}`"), &section.path));
    let default = match &field.default {
        Some(default) => {
            let json = default.0.to_string();
            if json.len() > LONGEST_DEFAULT { "see its fields".to_owned() } else { bounds::code(&json) }
        }
        None if required => "required".to_owned(),
        None => String::new(),
    };
    let mut meaning = vec![plain(field.description.as_deref())];
    // The rules of an object are in its own section.
    if section.is_none_or(|section| section.path.ends_with("[]")) {
        let rules = field.x_kubernetes_validations.iter().flatten();
        meaning.extend(rules.filter_map(|rule| Some(format!("{}.", rule.message.as_ref()?))));
    }
    let meaning = meaning.join(" ").replace('|', "\\|");
    let _ = writeln!(text, "| {shown} | {} | {default} | {meaning} |", bounds::of(field));
}

/// Writes the messages of the rules of an object.
pub(super) fn write_rules(schema: &JSONSchemaProps, text: &mut String) {
    let messages = schema.x_kubernetes_validations.iter().flatten().filter_map(|rule| rule.message.as_ref());
    for (at, message) in messages.enumerate() {
        text.push_str(if at == 0 { "\n" } else { "" });
        let _ = writeln!(text, "- {message}");
    }
}

/// Returns the object that the field contains, directly or in a list, and the suffix of its path.
fn object(field: &JSONSchemaProps) -> Option<(&'static str, &JSONSchemaProps)> {
    if field.properties.is_some() {
        return Some(("", field));
    }
    match field.items.as_ref()? {
        JSONSchemaPropsOrArray::Schema(items) if items.properties.is_some() => Some(("[]", items)),
        _ => None,
    }
}

fn is_like(one: &JSONSchemaProps, other: &JSONSchemaProps) -> bool {
    one.properties.as_ref().is_some_and(|fields| fields.len() > 1)
        && one.properties == other.properties
        && one.x_kubernetes_validations == other.x_kubernetes_validations
}

/// Returns a link to the section of an object.
fn link(shown: &str, path: &str) -> String {
    let anchor: String =
        path.to_lowercase().chars().filter(|character| !".[]{}".contains(*character)).collect();
    format!("[{shown}](#{anchor})")
}

/// Returns a description in one line.
fn plain(description: Option<&str>) -> String {
    description.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}
