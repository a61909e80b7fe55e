//! Queries for the pods of a pipeline in the object cache.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use crate::cache::{Kind as _, Objects};
use crate::labels::{COMPONENT, Component, GROUP};

fn all(objects: &Objects) -> impl Iterator<Item = Pod> {
    let pods = objects.iter().filter(|((kind, _), _)| *kind == Pod::NAME);
    pods.filter_map(|(_, record)| record.snapshot::<Pod>())
}

/// Returns the pods that are not ready.
pub(crate) fn not_ready(objects: &Objects) -> Vec<Pod> {
    all(objects).filter(|pod| !is_ready(pod)).collect()
}

/// Returns the pods of a component.
pub(crate) fn of_component(objects: &Objects, component: Component) -> Vec<Pod> {
    let component: &str = component.into();
    all(objects).filter(|pod| pod.labels().get(COMPONENT).is_some_and(|label| label == component)).collect()
}

/// Returns the pods of a group.
pub(crate) fn of_group(pods: &[Pod], group: &str) -> Vec<Pod> {
    pods.iter().filter(|pod| pod.labels().get(GROUP).is_some_and(|label| label == group)).cloned().collect()
}

/// Returns whether the pod is ready and not being deleted.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    pod.metadata.deletion_timestamp.is_none()
        && conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Returns the IP address of the pod.
pub(crate) fn address(pod: &Pod) -> Option<IpAddr> {
    pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()
}
