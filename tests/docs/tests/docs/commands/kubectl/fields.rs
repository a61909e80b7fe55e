//! Fields and conditions of a pipeline in the arguments of kubectl.

use std::fs;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use crate::report::root;
use crate::run::{Cache, run};
use crate::yaml;

/// An object that kubectl prints.
const OBJECT: &str = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}"#;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let text = fs::read_to_string(root().join("crds/eventpipeline.yaml")).unwrap();
    let definition: Value = serde_saphyr::from_str(&text).unwrap();
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"].clone()
});

/// Lets kubectl parse a JSON path. The fields of a pipeline must exist.
pub(super) fn check_path(path: &str, is_pipeline: bool) -> Result<(), String> {
    static PRINTED: Cache = Cache::new();
    let printed = PRINTED.get(path, || {
        let mut kubectl = Command::new(eventpipeline_testkit::kubectl());
        kubectl.args(["annotate", "--local", "--filename=-", "a=b", &format!("--output=jsonpath={path}")]);
        run(&mut kubectl, OBJECT)
    });
    // A path with an error of syntax prints nothing; one that fits nothing is fine.
    printed.map(drop).or_else(|why| if why.contains("is not found") { Ok(()) } else { Err(why) })?;
    for part in ["spec", "status"] {
        for field in path.split(&format!(".{part}.")).skip(1).filter(|_| is_pipeline) {
            let name: String = field.chars().take_while(char::is_ascii_alphanumeric).collect();
            if SCHEMA[part]["properties"].get(&name).is_none() {
                return Err(format!("a pipeline has no field {part}.{name}"));
            }
        }
    }
    Ok(())
}

/// Checks a patch as if it were a whole spec.
pub(super) fn check_patch(patch: &str) -> Result<(), String> {
    yaml::check(patch, yaml::Hint::None)
}

/// Checks the condition of `kubectl wait`.
pub(super) fn check_condition(wanted: &str) -> Result<(), String> {
    let Some(condition) = wanted.strip_prefix("condition=") else { return Ok(()) };
    let name = condition.split('=').next().unwrap_or_default();
    let page = fs::read_to_string(root().join("docs/reference/conditions.md")).unwrap();
    if page.contains(&format!("`{name}`")) {
        Ok(())
    } else {
        Err(format!("a pipeline has no condition {name}"))
    }
}
