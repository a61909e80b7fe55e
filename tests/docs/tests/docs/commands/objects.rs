//! The objects of a pipeline and of the operator, as commands name them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::Value;

/// Name of the pipeline whose objects are known.
const PIPELINE: &str = "demo";

/// The names in a pipeline's objects.
struct Known {
    /// Names by kind, without the name of the pipeline.
    names: BTreeSet<(String, String)>,
    /// Values by label.
    labels: BTreeMap<String, BTreeSet<String>>,
    containers: BTreeSet<String>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let pipeline = format!(
        "{{apiVersion: eventpipeline.dev/v1alpha1, kind: EventPipeline, metadata: {{name: {PIPELINE}}}, spec: {{}}}}"
    );
    let objects: Vec<Value> =
        serde_saphyr::from_multiple(&eventpipeline_operator::render_text(&pipeline).unwrap()).unwrap();
    let mut known = Known { names: BTreeSet::new(), labels: BTreeMap::new(), containers: BTreeSet::new() };
    for object in &objects {
        known.add(object);
    }
    known
});

impl Known {
    fn add(&mut self, object: &Value) {
        let kind = object["kind"].as_str().unwrap().to_lowercase();
        let name = object["metadata"]["name"].as_str().unwrap();
        if let Some(suffix) = name.strip_prefix(PIPELINE) {
            if kind == "statefulset" {
                self.names.insert(("pod".to_owned(), format!("{suffix}-0")));
            }
            self.names.insert((kind, suffix.to_owned()));
        }
        let template = &object["spec"]["template"];
        for labels in [&object["metadata"]["labels"], &template["metadata"]["labels"]] {
            for (label, value) in labels.as_object().into_iter().flatten() {
                self.labels.entry(label.clone()).or_default().insert(value.as_str().unwrap().to_owned());
            }
        }
        let containers = template["spec"]["containers"].as_array().into_iter().flatten();
        self.containers.extend(containers.map(|container| container["name"].as_str().unwrap().to_owned()));
    }
}

/// Checks a name such as `deploy/orders-producer-default`, if it looks like that of a pipeline's object.
pub(super) fn check_name(reference: &str) -> Result<(), String> {
    let (kind, name) = reference.split_once('/').unwrap_or(("pod", reference));
    let kind = match kind {
        "deploy" | "deployments" => "deployment",
        "svc" | "services" => "service",
        "sts" => "statefulset",
        "po" | "pods" => "pod",
        other => other,
    };
    let is_ours = ["-producer-", "-producers", "-consumer-", "-mysql"].iter().any(|part| name.contains(part));
    if !is_ours || !["deployment", "service", "statefulset", "pod"].contains(&kind) {
        return Ok(());
    }
    // A group may have any name.
    let generic = |suffix: &str| suffix.strip_suffix("default").map(str::to_owned);
    let fits = KNOWN.names.iter().filter(|(known, _)| known == kind).any(|(_, suffix)| {
        name.ends_with(suffix.as_str()) || generic(suffix).is_some_and(|group| name.contains(&group))
    });
    // The names of other pods are random.
    let is_random = kind == "pod" && !name.contains("-mysql");
    if fits || is_random { Ok(()) } else { Err(format!("a pipeline has no {kind} {name}")) }
}

/// Checks a label selector.
pub(super) fn check_selector(selector: &str) -> Result<(), String> {
    for part in selector.split(',').filter(|part| part.contains("app.kubernetes.io/")) {
        let (label, value) = part.split_once('=').unwrap_or((part, ""));
        let values = KNOWN
            .labels
            .get(label)
            .ok_or_else(|| format!("no object of a pipeline has the label {label}"))?;
        let is_free = label.ends_with("/instance") || value.is_empty() || value == "eventpipeline-operator";
        if !is_free && !values.contains(value) {
            return Err(format!("no object of a pipeline has {label}={value}"));
        }
    }
    Ok(())
}

/// Checks the name of a container.
pub(super) fn check_container(name: &str) -> Result<(), String> {
    if KNOWN.containers.contains(name) { Ok(()) } else { Err(format!("a pipeline has no container {name}")) }
}
