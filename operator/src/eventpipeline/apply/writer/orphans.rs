//! Deletes objects that the spec no longer asks for.

use tracing::info;

use super::super::failures::Why;
use super::Writer;
use crate::cache::{ObjectCache, ObjectKey};

impl Writer<'_> {
    /// Deletes the pipeline's objects that are not desired, except those that serve in place of a missing
    /// one.
    pub(in super::super) async fn delete_orphans(&mut self, cache: &ObjectCache) {
        let uid = self.existing.uid.as_deref();
        for (key, record) in &self.existing.objects {
            if self.unavailable.is_some() || self.desired.contains(key) || !record.belongs_to(uid) {
                continue;
            }
            let serves_for = |(missing, component): &(ObjectKey, Option<String>)| {
                missing.0 == key.0 && component.as_deref() == record.component()
            };
            if self.missing.iter().any(serves_for) {
                continue;
            }
            let Some(resource) = cache.resource(key.0) else { continue };
            let (kind, name) = key;
            info!(name, "deleting {kind} {name}");
            match self.cluster.delete(&resource, &self.existing.key.namespace, name, record.uid()).await {
                Ok(()) => self.last_applied.removed(&self.existing.key, key),
                Err(error) => self.failed(key, record.component().map(str::to_owned), Why::Call(error)),
            }
        }
    }
}
