//! The resource's reference as Markdown: what `eventpipeline-operator reference` prints and `docs/reference/eventpipeline.md`
//! holds.

mod bounds;
mod section;

use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use kube::CustomResourceExt;

use crate::EventPipeline;
use section::Section;

const INTRODUCTION: &str = "\
# EventPipeline: every field

Made from the resource definition by `dev/generate.sh`; `kubectl explain eventpipeline --recursive` shows the same. How the fields work
together is in [pipeline.md](../pipeline.md), what is in `status.conditions` in [conditions.md](conditions.md).

`apiVersion: eventpipeline.dev/v1alpha1`, `kind: EventPipeline`. A field without a default that is not required may be left out; what
that means stands in its description. The API server refuses what breaks a bound or a rule, with these messages, and so does
`eventpipeline-operator lint`.
";

/// Every field with its type, default, bounds, description and rules.
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
    text.push_str("\n## The object\n");
    section::write_rules(root, text);
    let mut written = Vec::new();
    for (name, schema) in root.properties.iter().flatten() {
        let mut sections = vec![Section { path: name.clone(), schema }];
        // Each before those inside of it.
        while let Some(section) = sections.pop() {
            sections.extend(section.write(&written, text).into_iter().rev());
            written.push(section);
        }
    }
    let _ = writeln!(text);
    text.truncate(text.trim_end().len() + 1);
}
