//! The reference of the resource as Markdown, which `eventpipeline-operator reference` prints and
//! `docs/reference/eventpipeline.md` contains.

mod bounds;
mod section;

use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use kube::CustomResourceExt;

use crate::EventPipeline;
use section::Section;

const INTRODUCTION: &str = "\
# EventPipeline reference

`dev/generate.sh` generates this page from the CustomResourceDefinition. `kubectl explain eventpipeline --recursive` shows the same
fields. See [pipeline.md](../operate/pipeline.md) for how to use them, and [conditions.md](conditions.md) for `status.conditions`.

`apiVersion: eventpipeline.dev/v1alpha1`, `kind: EventPipeline`. A field without a default is optional unless it is marked as required;
its description explains what omitting it means. The API server and `eventpipeline-operator lint` reject a resource that violates
a bound or a rule, with the messages below.
";

/// Returns every field with its type, default, bounds, description and rules.
pub fn markdown() -> String {
    let mut text = INTRODUCTION.to_owned();
    for version in EventPipeline::crd().spec.versions {
        if let Some(root) = version.schema.and_then(|schema| schema.open_api_v3_schema) {
            write(&root, &mut text);
        }
    }
    text
}

fn write(root: &JSONSchemaProps, text: &mut String) {
    text.push_str("\n## Object\n");
    section::write_rules(root, text);
    let mut written = Vec::new();
    for (name, schema) in root.properties.iter().flatten() {
        let mut sections = vec![Section { path: name.clone(), schema }];
        // An object precedes the objects inside it.
        while let Some(section) = sections.pop() {
            sections.extend(section.write(&written, text).into_iter().rev());
            written.push(section);
        }
    }
    let _ = writeln!(text);
    text.truncate(text.trim_end().len() + 1);
}
