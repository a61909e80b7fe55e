//! The effects of changed objects on pods and data.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::paths;
use crate::eventpipeline::Rendered;

/// Number of fields that are listed by name.
const NAMED: usize = 4;
const TEMPLATE: &str = "/spec/template";
const REPLICAS: &str = "/spec/replicas";
const SIZE: &str = "/spec/volumeClaimTemplates/0/spec/resources/requests/storage";

/// A difference between the current and the changed objects.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::offline) struct Difference {
    kind: String,
    name: String,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "effect", rename_all = "camelCase")]
enum What {
    Created,
    Removed,
    /// The object is no longer used, and stays.
    Left,
    /// The pods are replaced because these fields of their template change.
    PodsReplaced {
        fields: Vec<String>,
    },
    /// `null` if another client decides the number.
    Scaled {
        from: Option<i64>,
        to: Option<i64>,
    },
    VolumeGrows {
        from: String,
        to: String,
    },
    /// These fields change without affecting any pod.
    Changed {
        fields: Vec<String>,
    },
}

/// Returns the differences between `before` and `after`.
pub(in crate::offline) fn between(before: &[Rendered], after: &[Rendered]) -> Vec<Difference> {
    let key = |object: &Rendered| (object.kind.clone(), object.name.clone());
    let old: BTreeMap<_, _> = before.iter().map(|object| (key(object), object)).collect();
    let mut changes = Vec::new();
    for object in after {
        match old.get(&key(object)) {
            None => changes.push(difference(object, What::Created)),
            Some(old) => {
                let what = within(&old.object, &object.object);
                changes.extend(what.into_iter().map(|what| difference(object, what)));
            }
        }
    }
    let gone = before.iter().filter(|object| !after.iter().any(|other| key(other) == key(object)));
    changes.extend(gone.map(|object| {
        // The operator has no permission to delete Secrets.
        difference(object, if object.kind == "Secret" { What::Left } else { What::Removed })
    }));
    changes
}

/// Returns the differences when the pipeline is deleted, which deletes the objects that it owns.
pub(in crate::offline) fn of_a_deletion(before: &[Rendered]) -> Vec<Difference> {
    let owned = |object: &Rendered| object.object.pointer("/metadata/ownerReferences").is_some();
    let what = |object| if owned(object) { What::Removed } else { What::Left };
    before.iter().map(|object| difference(object, what(object))).collect()
}

fn difference(object: &Rendered, what: What) -> Difference {
    Difference { kind: object.kind.clone(), name: object.name.clone(), what }
}

fn within(old: &Value, new: &Value) -> Vec<What> {
    let mut whats = Vec::new();
    let (was, is) = (old.pointer(TEMPLATE), new.pointer(TEMPLATE));
    if was != is {
        let null = Value::Null;
        whats.push(What::PodsReplaced { fields: paths::between(was.unwrap_or(&null), is.unwrap_or(&null)) });
    }
    let replicas = |object: &Value| object.pointer(REPLICAS).and_then(Value::as_i64);
    if replicas(old) != replicas(new) {
        whats.push(What::Scaled { from: replicas(old), to: replicas(new) });
    }
    if let (Some(from), Some(to)) = (size(old), size(new))
        && from != to
    {
        whats.push(What::VolumeGrows { from, to });
    }
    let (mut old, mut new) = (old.clone(), new.clone());
    for object in [&mut old, &mut new] {
        for told in [TEMPLATE, REPLICAS, SIZE] {
            if let Some(value) = object.pointer_mut(told) {
                *value = Value::Null;
            }
        }
        // If the number is not set, the field is missing.
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            spec.remove("replicas");
        }
    }
    let fields = paths::between(&old, &new);
    if !fields.is_empty() {
        whats.push(What::Changed { fields });
    }
    whats
}

fn size(object: &Value) -> Option<String> {
    Some(object.pointer(SIZE)?.as_str()?.to_owned())
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, what } = self;
        write!(formatter, "{kind} {name}: ")?;
        let decided = |replicas: &Option<i64>| {
            replicas.map_or_else(
                || "a number that another client decides".to_owned(),
                |replicas| replicas.to_string(),
            )
        };
        match what {
            What::Created if kind == "Job" => formatter.write_str("runs"),
            What::Created => formatter.write_str("is created"),
            What::Removed => formatter.write_str("is removed"),
            What::Left => formatter.write_str("stays"),
            What::PodsReplaced { fields } if kind == "StatefulSet" => {
                write!(formatter, "restarts the database: {}", named(fields))
            }
            What::PodsReplaced { fields } => write!(formatter, "replaces its pods: {}", named(fields)),
            What::Scaled { from, to } => {
                write!(formatter, "is scaled from {} to {}", decided(from), decided(to))
            }
            What::VolumeGrows { from, to } => {
                write!(formatter, "has its volume expanded from {from} to {to}")
            }
            What::Changed { fields } => {
                write!(formatter, "changes without replacing pods: {}", named(fields))
            }
        }
    }
}

fn named(fields: &[String]) -> String {
    let (named, others) = fields.split_at(fields.len().min(NAMED));
    let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    format!("{}{more}", named.join(", "))
}
