//! Types and bounds.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use regex::Regex;
use serde_json::{Map, Number, Value, json};

use super::path::Path;
use super::{Refusal, inside};

/// Refuses values of the wrong type or beyond a bound.
pub(super) fn check(schema: &JSONSchemaProps, value: &Value, path: &Path, refusals: &mut Vec<Refusal>) {
    refusals.extend(wrong_type(schema, value, path));
    refusals.extend(unsupported(schema, value, path));
    match value {
        Value::String(text) => refusals.extend(string(schema, text, path)),
        Value::Number(number) => {
            refusals.extend(range(schema, number, path));
            refusals.extend(out_of_format(schema, number, path));
        }
        Value::Array(list) => {
            let (least, most) = (schema.min_items, schema.max_items);
            refusals.extend(count(list.len(), least, most, "items", path));
        }
        Value::Object(members) => object(schema, members, path, refusals),
        Value::Null | Value::Bool(_) => {}
    }
    for (schema, value, path) in inside(schema, value, path) {
        check(schema, value, &path, refusals);
    }
}

fn wrong_type(schema: &JSONSchemaProps, value: &Value, path: &Path) -> Option<Refusal> {
    let got = type_of(value);
    if schema.x_kubernetes_int_or_string == Some(true) {
        return (!matches!(got, "integer" | "string"))
            .then(|| Refusal::wrong_type(path, "integer,string", got));
    }
    let wanted = schema.type_.as_deref()?;
    let fits = got == wanted
        || (wanted == "number" && got == "integer")
        || (value.is_null() && schema.nullable == Some(true));
    if fits {
        return None;
    }
    // The API server reports the format for numbers, and no actual type for booleans and objects.
    Some(match (&schema.format, value) {
        (Some(format), Value::Number(_)) => Refusal::wrong_type(path, format, "float64"),
        (Some(format), Value::Bool(_) | Value::Object(_)) => Refusal::wrong_type(path, format, ""),
        _ => Refusal::wrong_type(path, wanted, got),
    })
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if is_whole(number) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Returns whether the server takes a number for an integer: one of 64 bits, or a float that has no fraction and is exact.
fn is_whole(number: &Number) -> bool {
    /// 2^53 - 1.
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    number.is_i64() || number.as_f64().is_some_and(|number| number.fract() == 0.0 && number.abs() <= LARGEST)
}

fn unsupported(schema: &JSONSchemaProps, value: &Value, path: &Path) -> Option<Refusal> {
    let supported = schema.enum_.as_ref()?;
    let known = supported.iter().any(|supported| supported.0 == *value);
    let names = || supported.iter().map(|supported| supported.0.to_string()).collect::<Vec<_>>();
    (!known).then(|| Refusal::unsupported(path, value, &names()))
}

/// Returns the first broken rule only, as the API server does.
fn string(schema: &JSONSchemaProps, text: &str, path: &Path) -> Option<Refusal> {
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let refusal = |rule: String| Some(Refusal::out_of_bounds(path, &json!(text), &rule));
    if let Some(most) = schema.max_length.filter(|most| length > *most) {
        return Some(Refusal::too_long(path, most));
    }
    if let Some(least) = schema.min_length.filter(|least| length < *least) {
        return refusal(format!("should be at least {least} chars long"));
    }
    let pattern = schema.pattern.as_ref()?;
    // The API server accepts no definition with an invalid pattern.
    let matches = Regex::new(pattern).is_ok_and(|regex| regex.is_match(text));
    if matches { None } else { refusal(format!("should match '{pattern}'")) }
}

fn out_of_format(schema: &JSONSchemaProps, number: &Number, path: &Path) -> Option<Refusal> {
    let format = schema.format.as_deref()?;
    let whole = whole(number);
    let holds = match format {
        "int32" => whole.is_some_and(|whole| i32::try_from(whole).is_ok()),
        "int64" => whole.is_some(),
        _ => true,
    };
    (!holds).then(|| Refusal::out_of_format(path, format))
}

/// Returns a number without a fraction, which may be written as `2.0`.
fn whole(number: &Number) -> Option<i64> {
    let from_float = || number.as_f64().filter(|float| float.fract() == 0.0)?.to_string().parse().ok();
    number.as_i64().or_else(from_float)
}

fn range(schema: &JSONSchemaProps, number: &Number, path: &Path) -> Option<Refusal> {
    let value = number.as_f64()?;
    let refusal = |rule: String| Refusal::out_of_bounds(path, &Value::Number(number.clone()), &rule);
    if let Some(most) = schema.maximum.filter(|most| value > *most) {
        return Some(refusal(format!("should be less than or equal to {most}")));
    }
    let least = schema.minimum.filter(|least| value < *least)?;
    Some(refusal(format!("should be greater than or equal to {least}")))
}

fn count(count: usize, least: Option<i64>, most: Option<i64>, of: &str, path: &Path) -> Option<Refusal> {
    let signed = i64::try_from(count).unwrap_or(i64::MAX);
    if let Some(most) = most.filter(|most| signed > *most) {
        return Some(Refusal::too_many(path, count, most));
    }
    let least = least.filter(|least| signed < *least)?;
    Some(Refusal::out_of_bounds(path, &json!(count), &format!("should have at least {least} {of}")))
}

fn object(schema: &JSONSchemaProps, members: &Map<String, Value>, path: &Path, refusals: &mut Vec<Refusal>) {
    let (least, most) = (schema.min_properties, schema.max_properties);
    refusals.extend(count(members.len(), least, most, "properties", path));
    let missing = schema.required.iter().flatten().filter(|name| !members.contains_key(*name));
    refusals.extend(missing.map(|name| Refusal::required(&path.child(name), "")));
}
