//! Properties of the objects of any spec.

use std::collections::HashSet;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::super::build::build;
use super::super::render;
use super::super::resources::Resources;
use super::super::validate::validate;
use super::IMAGE;
use super::specs::{Parts, Scale, parts, pipeline, scale};

fn built(parts: &Parts, scale: &Scale) -> Option<Resources> {
    Some(build(&validate(&pipeline(parts, scale), IMAGE, Timestamp::UNIX_EPOCH).ok()?))
}

fn templates(resources: &Resources) -> Vec<PodTemplateSpec> {
    let groups = resources.producer_deployments.iter().chain(&resources.consumer_deployments);
    let groups = groups.map(|group| group.spec.clone().unwrap().template);
    let job = resources.schema_job.spec.clone().unwrap().template;
    let mysql = resources.mysql_stateful_set.clone().unwrap().spec.unwrap().template;
    groups.chain([job, mysql]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// The operator builds the objects from what the API server has stored.
    #[test]
    fn no_spec_panics_and_a_stored_spec_results_in_the_same_objects(parts in parts(), scale in scale()) {
        let pipeline = pipeline(&parts, &scale);
        let stored = serde_json::from_str(&serde_json::to_string(&pipeline).unwrap()).unwrap();
        match (render(&pipeline, IMAGE), render(&stored, IMAGE)) {
            (Ok(one), Ok(other)) => prop_assert_eq!(one, other),
            (one, other) => prop_assert_eq!(one.is_err(), other.is_err()),
        }
    }

    #[test]
    fn scaling_and_suspending_changes_no_template(parts in parts(), one in scale(), other in scale()) {
        let (Some(one), Some(other)) = (built(&parts, &one), built(&parts, &other)) else { return Ok(()) };
        prop_assert_eq!(templates(&one), templates(&other));
        prop_assert_eq!(one.schema_job.metadata.name, other.schema_job.metadata.name);
    }

    /// Server-side apply refuses a name that occurs twice in a list.
    #[test]
    fn names_within_a_pod_are_distinct(parts in parts(), scale in scale()) {
        let Some(resources) = built(&parts, &scale) else { return Ok(()) };
        for template in templates(&resources) {
            let pod = template.spec.unwrap();
            let volumes: Vec<_> = pod.volumes.iter().flatten().map(|volume| volume.name.clone()).collect();
            prop_assert_eq!(volumes.iter().collect::<HashSet<_>>().len(), volumes.len());
            let containers = pod.init_containers.iter().flatten().chain(&pod.containers);
            let containers: Vec<_> = containers.map(|container| container.name.clone()).collect();
            prop_assert_eq!(containers.iter().collect::<HashSet<_>>().len(), containers.len());
            for container in &pod.containers {
                let names: Vec<_> = container.env.iter().flatten().map(|variable| &variable.name).collect();
                prop_assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{:?}", names);
            }
        }
    }

    /// The API server refuses a Deployment that does not select its own pods. One that selects other pods
    /// adopts them.
    #[test]
    fn selectors_select_their_own_pods_and_no_others(parts in parts(), scale in scale()) {
        let Some(resources) = built(&parts, &scale) else { return Ok(()) };
        let groups: Vec<_> = resources.producer_deployments.iter().chain(&resources.consumer_deployments)
            .map(|group| group.spec.clone().unwrap())
            .collect();
        for (at, group) in groups.iter().enumerate() {
            let selector = group.selector.match_labels.clone().unwrap();
            for (other_at, other) in groups.iter().enumerate() {
                let labels = other.template.metadata.clone().unwrap().labels.unwrap();
                let selects = selector.iter().all(|(label, value)| labels.get(label) == Some(value));
                prop_assert_eq!(selects, at == other_at);
            }
        }
    }
}

/// The properties above hold vacuously for invalid specs, so enough specs must be valid.
#[test]
fn many_of_the_specs_are_valid() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let valid = (0..200)
        .filter(|_| {
            let parts = parts().new_tree(&mut runner).unwrap().current();
            let scale = scale().new_tree(&mut runner).unwrap().current();
            built(&parts, &scale).is_some()
        })
        .count();
    assert!(valid >= 20, "{valid} of 200");
}
