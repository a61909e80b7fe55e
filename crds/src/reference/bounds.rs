//! The type and the bounds of a field, in words.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

/// Returns the type and the bounds, such as `integer, 1 to 1000`.
pub(super) fn of(field: &JSONSchemaProps) -> String {
    let mut words = vec![type_(field)];
    words.extend(one_of(field));
    words.extend(range(field.minimum.map(whole), field.maximum.map(whole), ""));
    let least = field.min_length.filter(|least| *least > 0);
    words.extend(range(least, field.max_length, " characters"));
    words.extend(range(field.min_items, field.max_items, " items"));
    words.extend(range(field.min_properties, field.max_properties, " entries"));
    words.extend(field.pattern.as_ref().map(|pattern| format!("matches {}", code(pattern))));
    words.extend(inside(field));
    words.join(", ")
}

/// Formats code for a table cell.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

fn type_(field: &JSONSchemaProps) -> String {
    if field.x_kubernetes_int_or_string == Some(true) {
        return "integer or string".to_owned();
    }
    let type_ = match (field.type_.as_deref(), field.x_kubernetes_list_type.as_deref()) {
        (Some("array"), Some("set")) => "list of distinct items",
        (Some("array"), Some("map")) => "list of items with distinct keys",
        (Some("array"), _) => "list",
        (Some("object"), _) if field.additional_properties.is_some() => "map",
        (type_, _) => type_.unwrap_or_default(),
    };
    match field.format.as_deref() {
        Some(format @ "date-time") => format.to_owned(),
        _ => type_.to_owned(),
    }
}

fn one_of(field: &JSONSchemaProps) -> Option<String> {
    let values = field.enum_.as_ref()?.iter().map(|value| code(value.0.as_str().unwrap_or_default()));
    Some(values.collect::<Vec<_>>().join(" or "))
}

fn range<N: std::fmt::Display>(least: Option<N>, most: Option<N>, of: &str) -> Option<String> {
    match (least, most) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}{of}")),
        (Some(least), None) => Some(format!("at least {least}{of}")),
        (None, Some(most)) => Some(format!("at most {most}{of}")),
        (None, None) => None,
    }
}

/// Formats a bound. The client's types store the bounds of integers as floating point.
fn whole(bound: f64) -> String {
    format!("{bound}")
}

/// Returns the type of list items or map values. Objects with fields have their own section instead.
fn inside(field: &JSONSchemaProps) -> Option<String> {
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &field.items {
        return items.properties.is_none().then(|| format!("each: {}", of(items)));
    }
    match field.additional_properties.as_ref()? {
        JSONSchemaPropsOrBool::Schema(values) => Some(format!("each value: {}", of(values))),
        JSONSchemaPropsOrBool::Bool(_) => None,
    }
}
