//! The author's volumes.

use eventpipeline_crds as crd;
use k8s_openapi::api::core::v1::{
    CSIVolumeSource, ConfigMapProjection, ConfigMapVolumeSource, EmptyDirVolumeSource, KeyToPath,
    PersistentVolumeClaimVolumeSource, ProjectedVolumeSource, SecretProjection, SecretVolumeSource,
    ServiceAccountTokenProjection, Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// Mode of files: readable by the pod's group.
const FILE_MODE: i32 = 0o440;

/// Returns the volume.
pub(super) fn volume(volume: &crd::Volume) -> Volume {
    let crd::Volume { name, secret, config_map, empty_dir, projected, csi, persistent_volume_claim } = volume;
    Volume {
        name: name.clone(),
        secret: secret.as_ref().map(self::secret),
        config_map: config_map.as_ref().map(self::config_map),
        empty_dir: empty_dir.as_ref().map(self::empty_dir),
        projected: projected.as_ref().map(self::projected),
        csi: csi.as_ref().map(self::csi),
        persistent_volume_claim: persistent_volume_claim.as_ref().map(|claim| {
            let crd::ClaimVolume { claim_name, read_only } = claim.clone();
            PersistentVolumeClaimVolumeSource { claim_name, read_only }
        }),
        ..Volume::default()
    }
}

/// Returns the mount.
pub(super) fn mount(mount: &crd::VolumeMount) -> VolumeMount {
    let crd::VolumeMount { name, mount_path, sub_path, read_only } = mount.clone();
    VolumeMount { name, mount_path, sub_path, read_only, ..VolumeMount::default() }
}

fn secret(secret: &crd::SecretVolume) -> SecretVolumeSource {
    let crd::SecretVolume { secret_name, items, optional } = secret;
    SecretVolumeSource {
        secret_name: Some(secret_name.clone()),
        items: self::items(items),
        default_mode: Some(FILE_MODE),
        optional: *optional,
    }
}

fn config_map(files: &crd::FilesFrom) -> ConfigMapVolumeSource {
    let crd::FilesFrom { name, items, optional } = files;
    ConfigMapVolumeSource {
        name: name.clone(),
        items: self::items(items),
        default_mode: Some(FILE_MODE),
        optional: *optional,
    }
}

/// Returns the keys, or `None` for all keys.
fn items(items: &[crd::KeyToPath]) -> Option<Vec<KeyToPath>> {
    let item = |crd::KeyToPath { key, path }: &crd::KeyToPath| KeyToPath {
        key: key.clone(),
        path: path.clone(),
        mode: None,
    };
    (!items.is_empty()).then(|| items.iter().map(item).collect())
}

fn empty_dir(volume: &crd::EmptyDirVolume) -> EmptyDirVolumeSource {
    let crd::EmptyDirVolume { size_limit, medium } = volume;
    let medium = medium.map(|crd::Medium::Memory| "Memory".to_owned());
    EmptyDirVolumeSource { medium, size_limit: Some(Quantity(size_limit.to_string())) }
}

fn projected(volume: &crd::ProjectedVolume) -> ProjectedVolumeSource {
    let crd::ProjectedVolume { sources } = volume;
    ProjectedVolumeSource {
        default_mode: Some(FILE_MODE),
        sources: Some(sources.iter().map(projection).collect()),
    }
}

fn projection(source: &crd::ProjectedSource) -> VolumeProjection {
    let crd::ProjectedSource { secret, config_map, service_account_token } = source;
    VolumeProjection {
        secret: secret.as_ref().map(|crd::FilesFrom { name, items, optional }| SecretProjection {
            name: name.clone(),
            items: self::items(items),
            optional: *optional,
        }),
        config_map: config_map.as_ref().map(|crd::FilesFrom { name, items, optional }| ConfigMapProjection {
            name: name.clone(),
            items: self::items(items),
            optional: *optional,
        }),
        service_account_token: service_account_token.as_ref().map(|token| {
            let crd::TokenSource { audience, expiration_seconds, path } = token.clone();
            ServiceAccountTokenProjection {
                audience: Some(audience),
                expiration_seconds: Some(expiration_seconds),
                path,
            }
        }),
        ..VolumeProjection::default()
    }
}

fn csi(volume: &crd::CsiVolume) -> CSIVolumeSource {
    let crd::CsiVolume { driver, read_only, volume_attributes } = volume;
    CSIVolumeSource {
        driver: driver.clone(),
        read_only: *read_only,
        volume_attributes: Some(volume_attributes.clone()).filter(|attributes| !attributes.is_empty()),
        ..CSIVolumeSource::default()
    }
}
