//! CEL rules.

use std::collections::HashMap;
use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{JSONSchemaProps, ValidationRule};
use kube_cel::KubeCelExt as _;
use kube_cel::cel::objects::{Key, Map};
use kube_cel::cel::{Context, Program, Value as Cel};
use serde_json::Value;

use super::path::Path;
use super::{Refusal, inside};

/// Evaluates rules like the API server does.
pub(super) struct Rules {
    /// A context with the functions of Kubernetes.
    context: Context<'static>,
}

impl Rules {
    pub(super) fn new() -> Self {
        Self { context: Context::default().with_all() }
    }

    /// Refuses values that break a rule. A transition rule is evaluated only for an update.
    ///
    /// List items count as new. The API server matches them by key, but none of our transition rules is
    /// within a list.
    pub(super) fn check(
        &self,
        schema: &JSONSchemaProps,
        value: &Value,
        old: Option<&Value>,
        path: &Path,
        refusals: &mut Vec<Refusal>,
    ) {
        for rule in schema.x_kubernetes_validations.iter().flatten() {
            let broken = unreadable(schema, rule, value).or_else(|| self.broken(rule, value, old));
            if let Some(message) = broken {
                refusals.push(Refusal::broken_rule(path, value, &message));
            }
        }
        let members = old.and_then(Value::as_object);
        if let Value::Object(fields) = value {
            for (name, value) in fields {
                if let Some(schema) = super::field(schema, name) {
                    let old = members.and_then(|members| members.get(name));
                    self.check(schema, value, old, &path.child(name), refusals);
                }
            }
        } else {
            for (schema, value, path) in inside(schema, value, path) {
                self.check(schema, value, None, &path, refusals);
            }
        }
    }

    /// Returns the message of a rule that is broken or can't be evaluated.
    fn broken(&self, rule: &ValidationRule, value: &Value, old: Option<&Value>) -> Option<String> {
        let message = rule.message.as_ref().unwrap_or(&rule.rule);
        let program = match Program::compile(&rule.rule) {
            Ok(program) => program,
            Err(error) => return Some(format!("{error} evaluating rule: {message}")),
        };
        let mut context = self.context.new_inner_scope();
        context.add_variable_from_value("self", cel(value));
        match old {
            Some(old) => context.add_variable_from_value("oldSelf", cel(old)),
            None if program.references().has_variable("oldSelf") => return None,
            None => {}
        }
        match program.execute(&context) {
            Ok(Cel::Bool(true)) => None,
            Ok(_) => Some(message.clone()),
            Err(error) => Some(format!("{error} evaluating rule: {message}")),
        }
    }
}

/// Returns the error of the server for 2.0 where an integer or a string is expected: its rules cannot read such a number.
fn unreadable(schema: &JSONSchemaProps, rule: &ValidationRule, value: &Value) -> Option<String> {
    let message = rule.message.as_ref().unwrap_or(&rule.rule);
    (schema.x_kubernetes_int_or_string == Some(true) && value.is_f64()).then(|| {
        format!("invalid data, expected XIntOrString value to be either a string or integer evaluating rule: {message}")
    })
}

/// Converts the value and keeps the names of fields. None of our rules uses a name that CEL escapes.
fn cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Cel::Int(number),
            None => number.as_f64().map_or(Cel::Null, Cel::Float),
        },
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(list) => Cel::List(Arc::new(list.iter().map(cel).collect())),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| (Key::String(Arc::new(name.clone())), cel(value));
            Cel::Map(Map { map: Arc::new(members.iter().map(member).collect::<HashMap<_, _>>()) })
        }
    }
}
