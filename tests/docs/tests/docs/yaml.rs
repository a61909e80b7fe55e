//! YAML documents: pipelines, parts of them, values of the chart, objects of Kubernetes, and files of other programs.

use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::commands::{helm, programs};
use crate::pages::Block;
use crate::report::root;

/// The kind of a document whose fields do not tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hint {
    /// Its fields tell.
    None,
    /// Values of the chart.
    Values,
    /// A part of another program's file, which nothing here can check further.
    Part,
}

impl Hint {
    /// Returns the hint after the fence of a block.
    pub(crate) fn of(block: &Block) -> Self {
        if block.has_hint("values") {
            Self::Values
        } else if block.has_hint("part") {
            Self::Part
        } else {
            Self::None
        }
    }
}

/// Fields of the resource and of the chart's values.
struct Fields {
    spec: BTreeSet<String>,
    producer: BTreeSet<String>,
    consumer: BTreeSet<String>,
    values: BTreeSet<String>,
}

static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let definition: Value = serde_saphyr::from_str(&read("crds/eventpipeline.yaml")).unwrap();
    let spec = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let group = |name: &str| names(&spec["properties"][name]["items"]);
    let values: Value = serde_json::from_str(&read("charts/eventpipeline/values.schema.json")).unwrap();
    Fields {
        spec: names(spec),
        producer: group("producers"),
        consumer: group("consumers"),
        values: names(&values),
    }
});

/// Returns the names of the properties of a schema.
fn names(schema: &Value) -> BTreeSet<String> {
    schema["properties"].as_object().unwrap().keys().cloned().collect()
}

/// Checks all documents of a text.
pub(crate) fn check(text: &str, hint: Hint) -> Result<(), String> {
    let documents = parse(text)?;
    if documents.is_empty() {
        return Err("the text has no document".to_owned());
    }
    documents.iter().try_for_each(|document| check_document(document, hint))
}

/// Returns the objects of Kubernetes in a text.
pub(crate) fn objects(text: &str) -> impl Iterator<Item = Value> {
    parse(text).unwrap_or_default().into_iter().filter(|document| document["apiVersion"].is_string())
}

fn parse(text: &str) -> Result<Vec<Value>, String> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| error.to_string())
}

fn check_document(document: &Value, hint: Hint) -> Result<(), String> {
    let fields = document.as_object().ok_or("the document is no object")?;
    let all_in = |known: &BTreeSet<String>| fields.keys().all(|field| known.contains(field));
    let has = |field: &str| fields.contains_key(field);
    if hint == Hint::Part {
        return Ok(());
    }
    if hint == Hint::Values {
        return helm::render_values(document);
    }
    if document["kind"] == "EventPipeline" {
        return lint(document);
    }
    if has("apiVersion") && has("kind") {
        return object(document);
    }
    if has("spec") && fields.len() == 1 {
        return lint_spec(&document["spec"]);
    }
    if all_in(&FIELDS.spec) {
        return lint_spec(document);
    }
    if all_in(&FIELDS.consumer) {
        return lint_spec(&json!({"consumers": [group(fields)]}));
    }
    if all_in(&FIELDS.producer) {
        return lint_spec(&json!({"producers": [group(fields)]}));
    }
    if all_in(&FIELDS.values) {
        return helm::render_values(document);
    }
    if has("scrape_configs") {
        return scrape(document.clone());
    }
    if has("groups") {
        return promtool(document, "rules");
    }
    if has("services") {
        return compose(&document["services"]);
    }
    Err("neither a pipeline, a part of one, values of the chart, an object of Kubernetes, nor Prometheus's: write \
         `yaml values` for values, `yaml part` for a part of something else"
        .to_owned())
}

/// Returns a group of a pipeline with these fields.
fn group(fields: &Map<String, Value>) -> Value {
    let mut group = json!({"name": "default"});
    group.as_object_mut().unwrap().extend(fields.clone());
    group
}

fn lint_spec(spec: &Value) -> Result<(), String> {
    lint(&json!({
        "apiVersion": "eventpipeline.dev/v1alpha1", "kind": "EventPipeline", "metadata": {"name": "demo"}, "spec": spec,
    }))
}

/// Reports the first error of `lint`. Its warnings are about production.
fn lint(pipeline: &Value) -> Result<(), String> {
    let findings =
        eventpipeline_operator::lint_text(&pipeline.to_string()).map_err(|error| error.to_string())?;
    match findings.iter().find(|finding| finding.contains(": error: ")) {
        Some(error) => Err(error.trim().to_owned()),
        None => Ok(()),
    }
}

fn object(object: &Value) -> Result<(), String> {
    let name = &object["metadata"]["name"];
    if name.is_string() { Ok(()) } else { Err("the object has no metadata.name".to_owned()) }
}

/// Checks a configuration of Prometheus. Debian's promtool does not know the discovery in Kubernetes.
fn scrape(mut document: Value) -> Result<(), String> {
    for job in document["scrape_configs"].as_array_mut().into_iter().flatten() {
        job.as_object_mut().and_then(|job| job.remove("kubernetes_sd_configs"));
    }
    promtool(&document, "config")
}

/// Checks the environment of our programs in a file for Docker Compose.
fn compose(services: &Value) -> Result<(), String> {
    let ours: Value =
        serde_saphyr::from_str(&fs::read_to_string(root().join("docker-compose.yaml")).unwrap()).unwrap();
    for (name, service) in services.as_object().ok_or("services is no object")? {
        if ours["services"][name].is_object() {
            let variables = service["environment"].as_object().into_iter().flatten();
            if let Some((variable, _)) =
                variables.into_iter().find(|(name, _)| !programs::is_known_elsewhere(name))
            {
                return Err(format!("no such environment variable: {variable}"));
            }
        }
    }
    Ok(())
}

fn promtool(document: &Value, kind: &str) -> Result<(), String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), document.to_string()).unwrap();
    let options: &[&str] = if kind == "config" { &["--syntax-only"] } else { &[] };
    let arguments = [&["check", kind], options, &[file.path().to_str().unwrap()]].concat();
    eventpipeline_testkit::promtool(arguments).map(drop)
}
