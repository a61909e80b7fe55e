//! Looks, before anything is written, whether a name that the pipeline needs is somebody else's.
//!
//! The cache knows what carries our labels. Only for what it does not know the API server is asked, which is once in
//! the life of an object.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt as _;

use super::super::dereference::Existing;
use crate::api::{self, Cluster, Verdict};
use crate::cache::{Kind, ObjectKey, Whose, whose};
use crate::labels::{INSTANCE, MANAGED_BY_OPERATOR};

/// What has the name of an object that is to be written.
#[derive(Debug)]
pub(super) enum Standing {
    /// Nothing.
    Free,
    /// An object that is the pipeline's, or may become so.
    There { uid: String },
    /// An object of somebody else.
    Taken,
    /// It could not be found out.
    Unknown(api::Error),
}

/// What has the names of the objects that are to be written.
pub(super) struct Names<'a> {
    cluster: &'a Cluster,
    existing: &'a Existing,
    standings: BTreeMap<ObjectKey, Standing>,
}

impl<'a> Names<'a> {
    pub(super) fn new(cluster: &'a Cluster, existing: &'a Existing) -> Self {
        Self { cluster, existing, standings: BTreeMap::new() }
    }

    /// Looks for all of these; an error if the API server is away.
    pub(super) async fn look<'o, K: Kind>(
        &mut self,
        objects: impl IntoIterator<Item = &'o K>,
    ) -> Result<(), api::Error> {
        for object in objects {
            let name = object.name_any();
            let standing = self.standing::<K>(&name).await?;
            self.standings.insert((K::NAME, name), standing);
        }
        Ok(())
    }

    /// Likewise for the claim that a StatefulSet would take for its own, whoever made it.
    pub(super) async fn look_for_claim(&mut self, name: &str) -> Result<(), api::Error> {
        let key = (PersistentVolumeClaim::NAME, name.to_owned());
        if self.existing.objects.contains_key(&key) {
            return Ok(());
        }
        let standing = self.found::<PersistentVolumeClaim>(name, |metadata| {
            let label = |label: &str| metadata.labels.as_ref()?.get(label).map(String::as_str);
            let managed = MANAGED_BY_OPERATOR.split_once('=');
            let ours = managed.is_some_and(|(key, by)| label(key) == Some(by))
                && label(INSTANCE) == Some(&self.existing.key.name);
            if ours { Whose::LeftBehind } else { Whose::Foreign }
        });
        let standing = standing.await?;
        self.standings.insert(key, standing);
        Ok(())
    }

    /// What was found.
    pub(super) fn take(&mut self, key: &ObjectKey) -> Standing {
        self.standings.remove(key).unwrap_or(Standing::Free)
    }

    async fn standing<K: Kind>(&self, name: &str) -> Result<Standing, api::Error> {
        let Existing { key, uid, objects, .. } = self.existing;
        if let Some(record) = objects.get(&(K::NAME, name.to_owned())) {
            return Ok(match record.whose(&key.name, uid.as_deref()) {
                Whose::Foreign => Standing::Taken,
                Whose::Ours | Whose::LeftBehind => Standing::There { uid: record.uid().to_owned() },
            });
        }
        self.found::<K>(name, |metadata| whose(metadata, key, uid.as_deref())).await
    }

    async fn found<K: Kind>(
        &self,
        name: &str,
        whose: impl FnOnce(&kube::core::ObjectMeta) -> Whose,
    ) -> Result<Standing, api::Error> {
        match self.cluster.find::<K>(&self.existing.key.namespace, name).await {
            Ok(None) => Ok(Standing::Free),
            Ok(Some(metadata)) => Ok(match whose(&metadata) {
                Whose::Foreign => Standing::Taken,
                Whose::Ours | Whose::LeftBehind => Standing::There { uid: metadata.uid.unwrap_or_default() },
            }),
            Err(error) if error.verdict() == Verdict::Away => Err(error),
            Err(error) => Ok(Standing::Unknown(error)),
        }
    }
}
