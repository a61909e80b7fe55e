//! The page tells the truth: a field changes its variable, and nothing else sets a variable.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::sources::{FIXED, FIXED_BY_CHART, Program, SOURCES};

type Environment = BTreeMap<String, Value>;

/// Returns the variables of a program's containers in rendered objects.
fn environment(program: Program, objects: &[Value]) -> Environment {
    let (kind, container) = match program {
        Program::Producer => ("Deployment", "producer"),
        Program::Schema => ("Job", "schema"),
        Program::Consumer => ("Deployment", "consumer"),
        Program::Agent => ("StatefulSet", "agent"),
        Program::Operator => ("Deployment", "operator"),
    };
    let containers = objects.iter().filter(|object| object["kind"] == kind).flat_map(|object| {
        let spec = &object["spec"]["template"]["spec"];
        [&spec["containers"], &spec["initContainers"]].into_iter().filter_map(Value::as_array).flatten()
    });
    let variables = containers
        .filter(|candidate| candidate["name"] == container)
        .flat_map(|container| container["env"].as_array().into_iter().flatten());
    variables.map(|variable| (variable["name"].as_str().unwrap().to_owned(), variable.clone())).collect()
}

/// Returns the objects of a pipeline with this spec.
fn pipeline(spec: &Value) -> Vec<Value> {
    let pipeline = json!({
        "apiVersion": "eventpipeline.dev/v1alpha1", "kind": "EventPipeline", "metadata": {"name": "demo"}, "spec": spec,
    });
    serde_saphyr::from_multiple(&eventpipeline_operator::render_text(&pipeline.to_string()).unwrap()).unwrap()
}

/// Returns the objects of the chart with these values.
fn chart(values: &Value) -> Vec<Value> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), values.to_string()).unwrap();
    let helm = Command::new(eventpipeline_testkit::helm())
        .current_dir(root)
        .args(["template", "release", "charts/eventpipeline", "--values", file.path().to_str().unwrap()])
        // The chart has no image of its own to fall back to.
        .args(["--set", "image.registry=registry.example.com"])
        .output()
        .unwrap();
    assert!(helm.status.success(), "{}", String::from_utf8_lossy(&helm.stderr));
    serde_saphyr::from_multiple(&String::from_utf8(helm.stdout).unwrap()).unwrap()
}

fn rendered(program: Program, settings: &Value) -> Environment {
    let objects = if program == Program::Operator { chart(settings) } else { pipeline(settings) };
    environment(program, &objects)
}

#[test]
fn each_field_changes_its_variable() {
    for source in &SOURCES {
        let default = rendered(source.program, &json!({}));
        let changed = rendered(source.program, &serde_json::from_str(source.example).unwrap());
        let (before, after) = (default.get(source.variable), changed.get(source.variable));
        assert!(before != after, "{}: {before:?} and {after:?}", source.field);
        let known = source.program.command();
        let is_read = known
            .get_arguments()
            .any(|argument| argument.get_env().is_some_and(|env| env == source.variable));
        assert!(is_read, "{:?} does not read {}", source.program, source.variable);
    }
}

#[test]
fn only_the_consumer_drains_longer() {
    for program in Program::ALL {
        let command = program.command();
        let drain = command.get_arguments().find(|argument| argument.get_id() == "drain_seconds");
        let expected = if program == Program::Consumer { "50" } else { "25" };
        assert!(drain.is_none_or(|drain| drain.get_default_values() == [expected]), "{program:?}");
    }
}

#[test]
fn every_variable_that_is_set_has_a_source() {
    for program in Program::ALL {
        let is_operator = program == Program::Operator;
        let fixed: &[&str] = if is_operator { &FIXED_BY_CHART } else { &FIXED };
        for name in rendered(program, &json!({})).keys() {
            let by_field = SOURCES.iter().any(|source| {
                source.variable == name && (source.program == Program::Operator) == is_operator
            });
            assert!(by_field || fixed.contains(&name.as_str()), "{program:?}: {name} has no source");
        }
    }
}

#[test]
fn every_fixed_variable_is_set() {
    let managed: Vec<_> = Program::ALL.iter().filter(|program| **program != Program::Operator).collect();
    let external = json!({"database": {"external": {"secretName": "s"}}});
    let set: Environment = [json!({}), external]
        .iter()
        .flat_map(|spec| managed.iter().flat_map(move |program| rendered(**program, spec)))
        .collect();
    for name in FIXED {
        assert!(set.contains_key(name), "{name} is never set");
    }
    let operator = rendered(Program::Operator, &json!({}));
    assert!(FIXED_BY_CHART.iter().all(|name| operator.contains_key(*name)), "{operator:?}");
}
