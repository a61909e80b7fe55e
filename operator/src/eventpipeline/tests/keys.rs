//! Rules for keys: the schema Job stores them.

use super::super::resources::Resources;
use super::{prepared, with_spec};

fn rules(resources: &Resources) -> Option<String> {
    let pod = resources.schema_job.spec.as_ref().unwrap().template.spec.as_ref().unwrap();
    let variable = pod.containers[0].env.iter().flatten().find(|variable| variable.name == "KEYS")?;
    variable.value.clone()
}

#[test]
fn the_schema_job_gets_the_rules_and_runs_again_if_they_change() {
    let [without, default, blocking] = ["{}", "{keys: {}}", "{keys: {concurrency: 3, onDead: Block}}"]
        .map(|spec| prepared(&with_spec(spec)));
    assert_eq!(rules(&without), None);
    assert_eq!(rules(&default).as_deref(), Some(r#"{"concurrency":1,"onDead":"Skip"}"#));
    assert_eq!(rules(&blocking).as_deref(), Some(r#"{"concurrency":3,"onDead":"Block"}"#));
    let names = [&without, &default, &blocking].map(|resources| resources.schema_job.metadata.name.clone());
    assert!(names[0] != names[1] && names[1] != names[2]);
    // Producers and consumers read the rules from the database, so their pods stay.
    assert_eq!(without.producer_deployments, blocking.producer_deployments);
    assert_eq!(without.consumer_deployments, blocking.consumer_deployments);
}
