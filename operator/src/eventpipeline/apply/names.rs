//! Checks, before an object is written, whether its name belongs to another owner.
//!
//! The object cache knows the objects that carry our labels. The API server is only asked about names that
//! the cache does not know, which happens once in the life of an object.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use super::super::dereference::Existing;
use crate::api::{self, Cluster};
use crate::cache::{Kind, Whose, whose};
use crate::labels::{INSTANCE, MANAGED_BY, MANAGER};

/// The owner of a name.
#[derive(Debug)]
pub(super) enum NameOwner {
    /// No object has the name.
    Free,
    /// The object of this uid, which belongs to the pipeline or may be adopted by it.
    Pipeline { uid: String },
    /// An object of another owner.
    Other,
    /// The API server could not be asked.
    Unknown(api::Error),
}

/// Returns the owner of the name of an object that is about to be applied.
pub(super) async fn owner<K: Kind>(cluster: &Cluster, existing: &Existing, name: &str) -> NameOwner {
    let Existing { key, uid, objects, .. } = existing;
    if let Some(record) = objects.get(&(K::NAME, name.to_owned())) {
        return match record.whose(&key.name, uid.as_deref()) {
            Whose::Foreign => NameOwner::Other,
            Whose::Ours | Whose::LeftBehind => NameOwner::Pipeline { uid: record.uid().to_owned() },
        };
    }
    found::<K>(cluster, existing, name, |metadata| whose(metadata, key, uid.as_deref())).await
}

/// Returns the owner of the name of a `PersistentVolumeClaim`. A StatefulSet adopts any claim of that name,
/// whoever created it.
pub(super) async fn owner_of_claim(cluster: &Cluster, existing: &Existing, name: &str) -> NameOwner {
    if existing.objects.contains_key(&(PersistentVolumeClaim::NAME, name.to_owned())) {
        return NameOwner::Free;
    }
    found::<PersistentVolumeClaim>(cluster, existing, name, |metadata| {
        let label = |label: &str| metadata.labels.as_ref()?.get(label).map(String::as_str);
        let ours = label(MANAGED_BY) == Some(MANAGER) && label(INSTANCE) == Some(&existing.key.name);
        if ours { Whose::LeftBehind } else { Whose::Foreign }
    })
    .await
}

async fn found<K: Kind>(
    cluster: &Cluster,
    existing: &Existing,
    name: &str,
    whose: impl FnOnce(&kube::core::ObjectMeta) -> Whose,
) -> NameOwner {
    match cluster.find::<K>(&existing.key.namespace, name).await {
        Ok(None) => NameOwner::Free,
        Ok(Some(metadata)) => match whose(&metadata) {
            Whose::Foreign => NameOwner::Other,
            Whose::Ours | Whose::LeftBehind => NameOwner::Pipeline { uid: metadata.uid.unwrap_or_default() },
        },
        Err(error) => NameOwner::Unknown(error),
    }
}
