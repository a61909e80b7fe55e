//! The objects that a pod mounts.

use k8s_openapi::api::core::v1::{Pod, Volume, VolumeProjection};

/// Returns kind and name of the objects without which the volumes of a pod can't be mounted.
pub(super) fn required(pod: &Pod) -> Vec<String> {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes.flat_map(objects).map(|(kind, name)| format!("{kind} {name}")).collect()
}

fn objects(volume: &Volume) -> Vec<(&'static str, &str)> {
    let secret = volume.secret.iter().filter(|it| it.optional != Some(true));
    let config = volume.config_map.iter().filter(|it| it.optional != Some(true));
    let sources = volume.projected.iter().flat_map(|it| it.sources.iter().flatten());
    secret
        .filter_map(|it| Some(("Secret", it.secret_name.as_deref()?)))
        .chain(config.map(|it| ("ConfigMap", it.name.as_str())))
        .chain(
            volume.persistent_volume_claim.iter().map(|it| ("PersistentVolumeClaim", it.claim_name.as_str())),
        )
        .chain(volume.csi.iter().map(|it| ("CSI driver", it.driver.as_str())))
        .chain(sources.flat_map(projected))
        .collect()
}

fn projected(source: &VolumeProjection) -> Vec<(&'static str, &str)> {
    let secret = source.secret.iter().filter(|it| it.optional != Some(true));
    let config = source.config_map.iter().filter(|it| it.optional != Some(true));
    secret
        .map(|it| ("Secret", it.name.as_str()))
        .chain(config.map(|it| ("ConfigMap", it.name.as_str())))
        .collect()
}
