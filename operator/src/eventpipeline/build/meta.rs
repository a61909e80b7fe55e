//! Names, labels and owners of all objects.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::super::validate::{GroupName, Pipeline};
use crate::labels::{COMPONENT, Component, GROUP, INSTANCE, MANAGED_BY, MANAGER, NAME};

/// Label of the pods that receive wake-ups.
pub(super) const RECEIVES_WAKEUPS: &str = "eventpipeline.dev/receives-wakeups";
/// Annotation of the schema Job with the uid of the claim that it ran for.
pub(in crate::eventpipeline) const VOLUME: &str = "eventpipeline.dev/volume";
/// Annotation with the former `replicas` of a suspended Deployment that another client scales.
pub(in crate::eventpipeline) const SUSPENDED_REPLICAS: &str = "eventpipeline.dev/suspended-replicas";

/// Labels of an object.
pub(super) type Labels = BTreeMap<String, String>;

/// Returns the name of the database's Secret, Service and StatefulSet.
pub(super) fn mysql_name(pipeline: &Pipeline) -> String {
    format!("{}-mysql", pipeline.name)
}

/// Returns the name of the Service of all producers.
pub(super) fn producers_name(pipeline: &Pipeline) -> String {
    format!("{}-producers", pipeline.name)
}

/// Returns the name of the Service by which pods discover each other for wake-ups.
pub(super) fn wakeups_name(pipeline: &Pipeline) -> String {
    format!("{}-wakeups", pipeline.name)
}

/// Returns the name of a group's Deployment.
pub(super) fn group_name(pipeline: &Pipeline, component: Component, group: &GroupName) -> String {
    format!("{}-{}-{group}", pipeline.name, <&str>::from(component))
}

/// Returns the name of the Deployment of a group of consumers.
pub(in crate::eventpipeline) fn consumers_name(pipeline: &Pipeline, group: &GroupName) -> String {
    group_name(pipeline, Component::Consumer, group)
}

/// Returns the selector of a component's pods. It must never change, because selectors are immutable.
pub(super) fn selector(pipeline: &Pipeline, component: Component) -> Labels {
    let component: &str = component.into();
    [
        (NAME, "eventpipeline".to_owned()),
        (INSTANCE, pipeline.name.to_string()),
        (COMPONENT, component.to_owned()),
    ]
    .map(|(label, value)| (label.to_owned(), value))
    .into()
}

/// Returns the selector of a group's pods.
pub(super) fn group_selector(pipeline: &Pipeline, component: Component, group: &GroupName) -> Labels {
    let mut labels = selector(pipeline, component);
    labels.insert(GROUP.to_owned(), group.to_string());
    labels
}

/// Returns the labels of an object or pod that matches the selector.
pub(super) fn labels(selector: Labels) -> Labels {
    let mut labels = selector;
    labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
    labels
}

/// Returns the metadata of an object that is deleted with its pipeline.
pub(super) fn owned(pipeline: &Pipeline, name: String, selector: Labels) -> ObjectMeta {
    ObjectMeta { owner_references: Some(vec![pipeline.owner.clone()]), ..metadata(pipeline, name, selector) }
}

/// Returns the metadata of an object that outlives its pipeline.
pub(super) fn kept(pipeline: &Pipeline, name: String, selector: Labels) -> ObjectMeta {
    ObjectMeta { annotations: Some(not_pruned()), ..metadata(pipeline, name, selector) }
}

/// Returns annotations of objects without an owner. Deployment tools consider any object with one of their labels
/// as theirs. Without these annotations they would prune it if no repository contains it.
pub(super) fn not_pruned() -> BTreeMap<String, String> {
    [
        ("argocd.argoproj.io/compare-options", "IgnoreExtraneous"),
        ("argocd.argoproj.io/sync-options", "Prune=false,Delete=false"),
        ("kustomize.toolkit.fluxcd.io/prune", "disabled"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn metadata(pipeline: &Pipeline, name: String, selector: Labels) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(pipeline.namespace.clone()),
        labels: Some(labels(selector)),
        ..ObjectMeta::default()
    }
}

/// Converts a selector for a Deployment or StatefulSet.
pub(super) fn match_labels(selector: Labels) -> LabelSelector {
    LabelSelector { match_labels: Some(selector), match_expressions: None }
}
