//! Rules for the metadata of any object.

use serde_json::{Value, json};

use super::Refusal;
use super::path::Path;

/// Fields of `metadata`.
pub(super) const FIELDS: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

const NAME: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";

/// Refuses an object with a missing or invalid name.
pub(super) fn check(object: &Value, refusals: &mut Vec<Refusal>) {
    let path = Path::root().child("metadata").child("name");
    let metadata = &object["metadata"];
    match metadata["name"].as_str() {
        None | Some("") if metadata["generateName"].is_string() => {}
        None | Some("") => {
            refusals.push(Refusal::required(&path, "name or generateName is required"));
        }
        Some(name) if is_subdomain(name) => {}
        Some(name) => {
            let detail = format!(
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
                 start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{NAME}')"
            );
            refusals.push(Refusal::invalid(&path, &json!(name), &detail));
        }
    }
}

fn is_subdomain(name: &str) -> bool {
    let plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    name.split('.').all(|label| {
        label.starts_with(plain) && label.ends_with(plain) && label.chars().all(|c| plain(c) || c == '-')
    })
}
