//! The author's service account, pull Secrets, volumes and containers in a pod. Without any, the pod is
//! unchanged: a new version of the operator must not restart it.

use eventpipeline_crds as crd;
use k8s_openapi::api::core::v1::{Container, LocalObjectReference, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::super::validate::{PodSettings, bytes};
use super::{init_containers, volumes};

/// Key of the local storage among a container's resources.
const EPHEMERAL_STORAGE: &str = "ephemeral-storage";

/// Adds the author's settings to a pod. Its first container is that of the program.
pub(super) fn customize(settings: &PodSettings, mut spec: PodSpec) -> PodSpec {
    let pod = settings.pod();
    spec.service_account_name.clone_from(&pod.service_account_name);
    let secrets = pod.image_pull_secrets.iter();
    let secrets: Vec<_> =
        secrets.map(|crd::PullSecret { name }| LocalObjectReference { name: name.clone() }).collect();
    spec.image_pull_secrets = Some(secrets).filter(|secrets| !secrets.is_empty());
    spec.volumes.get_or_insert_default().extend(pod.volumes.iter().map(volumes::volume));
    let containers = settings.init_containers();
    let containers: Vec<_> =
        containers.map(|(container, resources)| init_containers::container(container, resources)).collect();
    spec.init_containers = Some(containers).filter(|containers| !containers.is_empty());
    if let Some(program) = spec.containers.first_mut() {
        program.volume_mounts.get_or_insert_default().extend(pod.volume_mounts.iter().map(volumes::mount));
        allow_disk(program, on_disk(&pod.volumes));
    }
    spec
}

/// Returns the total size of the volumes on the node's disk, in bytes.
fn on_disk(volumes: &[crd::Volume]) -> u128 {
    let directories = volumes.iter().filter_map(|volume| volume.empty_dir.as_ref());
    let on_disk = directories.filter(|directory| directory.medium.is_none());
    on_disk.filter_map(|directory| bytes(&directory.size_limit.0)).sum()
}

/// Raises the limit of local storage. The kubelet evicts a pod whose containers and volumes together use more
/// than the limits of its containers.
fn allow_disk(container: &mut Container, more: u128) {
    let limits = container.resources.as_mut().and_then(|resources| resources.limits.as_mut());
    let limit = limits.and_then(|limits| limits.get_mut(EPHEMERAL_STORAGE));
    if let Some(limit) = limit.filter(|_| more > 0)
        && let Some(before) = bytes(&limit.0)
    {
        *limit = Quantity((before + more).to_string());
    }
}
