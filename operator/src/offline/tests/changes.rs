//! The effects of changes on pods and data.

use super::super::diff::differences;
use super::super::pipeline::{errors, rendered};
use super::{IMAGE, lines, pipeline, schema};

/// Returns the differences as lines of text.
#[track_caller]
fn differences_between(old: &str, new: &str) -> Vec<String> {
    let (schema, old, new) = (schema(), pipeline(old), pipeline(new));
    assert_eq!(errors(&schema, &new, Some(&old)), []);
    let objects = |object| rendered(&schema, object, IMAGE).unwrap();
    differences::between(&objects(&old), &objects(&new)).iter().map(ToString::to_string).collect()
}

#[test]
fn writing_out_a_default_changes_nothing() {
    assert_eq!(differences_between("{}", "{}"), <[&str; 0]>::default());
    let written = "{suspend: false, consumers: [{name: default, leaseSeconds: 60}]}";
    assert_eq!(differences_between("{}", written), <[&str; 0]>::default());
}

#[test]
fn scaling_and_suspending_replace_no_pod() {
    assert_eq!(
        differences_between("{}", "{suspend: true, producers: [{name: default, replicas: 5}]}"),
        [
            "Deployment orders-producer-default: is scaled from 2 to 5",
            "Deployment orders-consumer-default: is scaled from 2 to 0",
        ]
    );
    assert_eq!(
        differences_between("{}", "{consumers: [{name: default, autoscaling: {external: {}}}]}"),
        ["Deployment orders-consumer-default: is scaled from 2 to a number that another client decides"]
    );
}

#[test]
fn a_new_setting_replaces_only_the_pods_of_its_group() {
    let old = "{consumers: [{name: a}, {name: b}]}";
    let new = "{consumers: [{name: a}, {name: b, concurrency: 99, image: 'x:1', replicas: 3}]}";
    assert_eq!(
        differences_between(old, new),
        [
            // The destinations of another image are unknown.
            "NetworkPolicy orders-consumer-b: is created",
            "Deployment orders-consumer-b: replaces its pods: spec.containers[consumer].command, \
             spec.containers[consumer].env[CONCURRENCY].value, spec.containers[consumer].image",
            "Deployment orders-consumer-b: is scaled from 2 to 3",
        ]
    );
}

#[test]
fn options_restart_the_database_and_its_size_does_not() {
    let size = differences_between("{}", "{database: {managed: {storage: {size: 90Gi}}}}");
    assert_eq!(size, ["StatefulSet orders-mysql: has its volume expanded from 10Gi to 90Gi"]);
    let option = differences_between("{}", "{database: {managed: {config: {max_connections: \"900\"}}}}");
    assert!(option[0].starts_with("StatefulSet orders-mysql: restarts the database: "), "{option:?}");
    assert_eq!(option.len(), 1);
}

#[test]
fn new_passwords_replace_pods_and_rerun_the_schema_job() {
    let changes = differences_between("{}", "{database: {managed: {passwordGeneration: 2}}}").join("\n");
    for line in [
        "Secret orders-mysql-users-2: is created",
        "Secret orders-mysql-users-1: stays",
        "Deployment orders-producer-default: replaces its pods",
        "Deployment orders-consumer-default: replaces its pods",
    ] {
        assert!(changes.contains(line), "{line} in\n{changes}");
    }
    assert!(changes.lines().any(|line| line.starts_with("Job orders-schema-") && line.ends_with(": runs")));
    assert!(!changes.contains("StatefulSet"));
}

#[test]
fn new_types_replace_only_the_pods_of_their_group_and_rerun_the_schema_job() {
    let old = "{consumers: [{name: a}, {name: b}]}";
    let changes = differences_between(old, "{consumers: [{name: a}, {name: b, types: [order.*]}]}");
    let (jobs, others): (Vec<_>, Vec<_>) =
        changes.into_iter().partition(|change| change.starts_with("Job orders-schema-"));
    assert_eq!(
        others,
        ["Deployment orders-consumer-b: replaces its pods: spec.containers[consumer].env[LANE]"]
    );
    assert!(jobs.iter().any(|change| change.ends_with(": runs")), "{jobs:?}");
}

#[test]
fn groups_and_routes_are_created_and_removed() {
    let changes = differences_between("{route: {ingress: {anyHost: true}}}", "{producers: [{name: a}]}");
    for line in [
        "Deployment orders-producer-a: is created",
        "Deployment orders-producer-default: is removed",
        "PodDisruptionBudget orders-producer-default: is removed",
        "Ingress orders: is removed",
    ] {
        assert!(changes.iter().any(|change| change == line), "{line} in {changes:#?}");
    }
}

#[test]
fn data_outlives_a_deleted_pipeline() {
    let object = pipeline("{}");
    let gone = differences::of_a_deletion(&rendered(&schema(), &object, IMAGE).unwrap());
    let gone: Vec<_> = gone.iter().map(ToString::to_string).collect();
    assert!(gone.contains(&"Secret orders-mysql: stays".to_owned()), "{gone:#?}");
    assert!(gone.contains(&"StatefulSet orders-mysql: is removed".to_owned()), "{gone:#?}");
}

#[test]
fn immutable_fields_can_not_change() {
    for (old, new, expected) in [
        (
            "{}",
            "{database: {external: {secretName: a}}}",
            "spec.database: Invalid value: `database` must not change",
        ),
        (
            "{database: {managed: {storage: {size: 20Gi}}}}",
            "{}",
            "spec.database.managed.storage.size: Invalid value: \"10Gi\": `size` must not decrease",
        ),
        (
            "{}",
            "{database: {managed: {storage: {className: fast}}}}",
            "spec.database.managed.storage: Invalid value: `className` must not change",
        ),
        (
            "{database: {managed: {passwordGeneration: 2}}}",
            "{database: {managed: {}}}",
            "spec.database.managed.passwordGeneration: Invalid value: 1: ",
        ),
    ] {
        let (schema, old, new) = (schema(), pipeline(old), pipeline(new));
        let refused = lines(&errors(&schema, &new, Some(&old)));
        assert!(refused.contains(expected), "{refused}");
        assert_eq!(errors(&schema, &new, None), []);
    }
}
