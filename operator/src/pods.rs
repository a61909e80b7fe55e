//! Pods of a pipeline, as the watches show them.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use crate::eventpipeline::{COMPONENT, Component, GROUP};
use crate::inventory::{Kind as _, Objects};

fn all(objects: &Objects) -> impl Iterator<Item = Pod> {
    let pods = objects.iter().filter(|((kind, _), _)| *kind == Pod::NAME);
    pods.filter_map(|(_, record)| record.essence::<Pod>())
}

/// Those that do not serve.
pub(crate) fn not_ready(objects: &Objects) -> Vec<Pod> {
    all(objects).filter(|pod| !is_ready(pod)).collect()
}

/// The pods of a component.
pub(crate) fn of_component(objects: &Objects, component: Component) -> Vec<Pod> {
    let component: &str = component.into();
    all(objects).filter(|pod| pod.labels().get(COMPONENT).is_some_and(|label| label == component)).collect()
}

/// Those of a group.
pub(crate) fn of_group(pods: &[Pod], group: &str) -> Vec<Pod> {
    pods.iter().filter(|pod| pod.labels().get(GROUP).is_some_and(|label| label == group)).cloned().collect()
}

/// Whether it serves, and is not on its way out.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    pod.metadata.deletion_timestamp.is_none()
        && conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Where it is.
pub(crate) fn address(pod: &Pod) -> Option<IpAddr> {
    pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()
}
