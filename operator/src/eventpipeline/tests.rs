//! Tests from YAML, through validation, to the objects that would be applied.

mod applied;
mod build;
mod causes;
mod customization;
mod database;
mod keys;
mod news;
mod properties;
mod route;
mod runtime;
mod specs;
mod status;
mod surroundings;
mod types;
mod validate;

use eventpipeline_crds::EventPipeline;
use jiff::Timestamp;

use super::resources::Resources;
use super::validate as validation;

/// Neither of the name, the namespace and the image is part of another, so that a mix-up fails a test.
const MINIMAL: &str = "
apiVersion: eventpipeline.dev/v1alpha1
kind: EventPipeline
metadata: {name: orders, namespace: shop, uid: 7f0c, generation: 3}
spec: {}
";

const IMAGE: &str = "registry.example/ours:1.2.3";

fn minimal() -> EventPipeline {
    parse(MINIMAL)
}

fn parse(yaml: &str) -> EventPipeline {
    serde_saphyr::from_str(yaml).unwrap()
}

/// Returns the minimal pipeline with this spec.
fn with_spec(spec: &str) -> EventPipeline {
    parse(&MINIMAL.replace("spec: {}", &format!("spec: {spec}")))
}

#[track_caller]
fn prepared(pipeline: &EventPipeline) -> Resources {
    super::build::build(&validation::validate(pipeline, IMAGE, Timestamp::UNIX_EPOCH).unwrap())
}
