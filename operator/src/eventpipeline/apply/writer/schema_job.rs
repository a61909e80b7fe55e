//! The schema Job, which must run again for another volume or a restored database.

use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt as _;
use kube::core::ApiResource;
use tracing::info;

use super::super::super::build::meta::VOLUME;
use super::super::failures::Why;
use super::{Writer, component};
use crate::cache::{Kind as _, ObjectKey};

impl Writer<'_> {
    /// Applies the schema Job. A Job that ran for another volume or another state of the database is deleted,
    /// and the next reconciliation creates it again.
    pub(in super::super) async fn schema_job(&mut self, job: &mut Job) {
        let key = (Job::NAME, job.name_any());
        if job.spec.is_none() {
            // An existing Job that is kept while the new one waits for its turn.
            self.desired.insert(key);
            return;
        }
        let Some(uid) = self.outdated(&key, job) else { return self.apply(job).await };
        info!(
            name = key.1,
            "Job {} ran for another volume or state of the database; running it again", key.1
        );
        self.desired.insert(key.clone());
        self.delete(&key, component(job), &uid).await;
        self.missing.push((key, component(job)));
    }

    /// Returns the uid of the existing Job if its work is lost.
    fn outdated(&self, key: &ObjectKey, job: &Job) -> Option<String> {
        let record = self.record(key)?;
        let existing = record.snapshot::<Job>()?;
        let (was, is) = (existing.annotations().get(VOLUME), job.annotations().get(VOLUME));
        let other_volume = was.is_some() && is.is_some() && was != is;
        (other_volume || self.existing.schema_is_lost(&existing)).then(|| record.uid().to_owned())
    }

    async fn delete(&mut self, key: &ObjectKey, component: Option<String>, uid: &str) {
        self.last_applied.removed(&self.existing.key, key);
        let (resource, namespace) = (ApiResource::erase::<Job>(&()), &self.existing.key.namespace);
        if let Err(error) = self.cluster.delete(&resource, namespace, &key.1, uid).await {
            self.failed(key, component, Why::Call(error));
        }
    }
}
