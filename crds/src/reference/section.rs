//! One object of the resource: a heading and a table.

use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};

use super::bounds;

/// What is longer is told by the fields inside.
const LONGEST_DEFAULT: usize = 40;

/// An object with fields.
pub(super) struct Section<'a> {
    /// As `spec.producers[].pod`.
    pub(super) path: String,
    pub(super) schema: &'a JSONSchemaProps,
}

impl Section<'_> {
    /// Writes it, and gives the objects inside of it; none where one with the same fields is written already.
    pub(super) fn write(&self, written: &[Section<'_>], text: &mut String) -> Vec<Self> {
        let Self { path, schema } = self;
        let level = if path.contains('.') { "###" } else { "##" };
        let _ = write!(text, "\n{level} {path}\n\n{}\n", plain(schema.description.as_deref()));
        if let Some(same) = written.iter().find(|other| is_like(other.schema, schema)) {
            let _ = writeln!(text, "\nFields and rules are those of {}.", link(&same.path, &same.path));
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
            if json.len() > LONGEST_DEFAULT { "as its fields say".to_owned() } else { bounds::code(&json) }
        }
        None if required => "required".to_owned(),
        None => String::new(),
    };
    let mut meaning = vec![plain(field.description.as_deref())];
    // Those of an object stand where its fields do.
    if section.is_none_or(|section| section.path.ends_with("[]")) {
        let rules = field.x_kubernetes_validations.iter().flatten();
        meaning.extend(rules.filter_map(|rule| Some(format!("{}.", rule.message.as_ref()?))));
    }
    let meaning = meaning.join(" ").replace('|', "\\|");
    let _ = writeln!(text, "| {shown} | {} | {default} | {meaning} |", bounds::of(field));
}

/// The messages of its rules.
pub(super) fn write_rules(schema: &JSONSchemaProps, text: &mut String) {
    let messages = schema.x_kubernetes_validations.iter().flatten().filter_map(|rule| rule.message.as_ref());
    for (at, message) in messages.enumerate() {
        text.push_str(if at == 0 { "\n" } else { "" });
        let _ = writeln!(text, "- {message}");
    }
}

/// The object that the field is, or is a list of, with what its path ends with.
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

/// To the heading of that path.
fn link(shown: &str, path: &str) -> String {
    let anchor: String =
        path.to_lowercase().chars().filter(|character| !".[]{}".contains(*character)).collect();
    format!("[{shown}](#{anchor})")
}

/// In one line.
fn plain(description: Option<&str>) -> String {
    description.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}
