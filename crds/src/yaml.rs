//! The CustomResourceDefinition as YAML, which `eventpipeline-operator crd` prints and
//! `crds/eventpipeline.yaml` contains.

use kube::CustomResourceExt;
use serde::ser::Error as _;
use serde_json::{Number, Value};
use serde_saphyr::ser::Error;

use crate::EventPipeline;

/// Returns the CustomResourceDefinition of [`EventPipeline`].
pub fn crd() -> Result<String, Error> {
    let mut crd = serde_json::to_value(EventPipeline::crd()).map_err(Error::custom)?;
    write_as_stored(&mut crd);
    serde_saphyr::to_string(&crd)
}

/// Writes bounds as integers and omits `nullable: false`, as the API server does. The client's types store
/// bounds as floating point, such as `maximum: 1000.0`.
fn write_as_stored(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = number.as_f64().and_then(whole) {
                *number = whole;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(write_as_stored),
        Value::Object(fields) => {
            fields.retain(|name, value| name != "nullable" || *value != Value::Bool(false));
            fields.values_mut().for_each(write_as_stored);
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn whole(number: f64) -> Option<Number> {
    format!("{number}").parse::<i64>().ok().map(Number::from)
}
