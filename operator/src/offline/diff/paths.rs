//! Paths of differing values.

use std::collections::BTreeSet;

use serde_json::Value;

/// Returns the paths of the deepest fields that differ, such as `spec.containers[producer].image`.
pub(super) fn between(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(old, new, String::new(), &mut found);
    found
}

fn collect(old: &Value, new: &Value, path: String, found: &mut Vec<String>) {
    match (old, new) {
        _ if old == new => {}
        (Value::Object(was), Value::Object(is)) => {
            let names: BTreeSet<_> = was.keys().chain(is.keys()).collect();
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                both(was.get(name), is.get(name), path, found);
            }
        }
        (Value::Array(was), Value::Array(is)) => {
            if let (Some(was), Some(is)) = (by_name(was), by_name(is)) {
                let others = is.iter().filter(|(name, _)| find(&was, name).is_none());
                for (name, _) in was.iter().chain(others) {
                    both(find(&was, name), find(&is, name), format!("{path}[{name}]"), found);
                }
            } else {
                found.push(path);
            }
        }
        _ => found.push(path),
    }
}

fn both(old: Option<&Value>, new: Option<&Value>, path: String, found: &mut Vec<String>) {
    match (old, new) {
        (Some(old), Some(new)) => collect(old, new, path, found),
        (None, None) => {}
        _ => found.push(path),
    }
}

/// Returns the items with their names if each has one.
fn by_name(list: &[Value]) -> Option<Vec<(&str, &Value)>> {
    list.iter().map(|item| Some((item["name"].as_str()?, item))).collect()
}

fn find<'a>(list: &[(&str, &'a Value)], name: &str) -> Option<&'a Value> {
    list.iter().find(|(other, _)| *other == name).map(|(_, item)| *item)
}
