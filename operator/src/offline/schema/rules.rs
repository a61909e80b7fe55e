//! Rules in CEL.

use std::collections::HashMap;
use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{JSONSchemaProps, ValidationRule};
use kube_cel::KubeCelExt as _;
use kube_cel::cel::objects::{Key, Map};
use kube_cel::cel::{Context, Program, Value as Cel};
use serde_json::Value;

use super::path::Path;
use super::{Refusal, inside};

/// Runs rules as the API server does.
pub(super) struct Rules {
    /// With the functions of Kubernetes.
    context: Context<'static>,
}

impl Rules {
    pub(super) fn new() -> Self {
        Self { context: Context::default().with_all() }
    }

    /// Refuses what breaks a rule. A rule about a change runs where there is something to be changed.
    ///
    /// Items of lists are taken for new: the server tells them apart by their keys, and no rule of ours depends on it.
    pub(super) fn check(
        &self,
        schema: &JSONSchemaProps,
        value: &Value,
        old: Option<&Value>,
        path: &Path,
        refusals: &mut Vec<Refusal>,
    ) {
        for rule in schema.x_kubernetes_validations.iter().flatten() {
            if let Some(message) = self.broken(rule, value, old) {
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

    /// What is said of a rule that is broken, or can't be judged.
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

/// With the names of fields as they are: no rule of ours names one that CEL would have to write differently.
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
