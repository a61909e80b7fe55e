//! What would restart pods, and how that is kept from happening for now.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use kube::ResourceExt as _;
use serde_json::Value;

use super::super::apply::Memory;
use super::super::dereference::Existing;
use super::super::resources::{Prepared, Resources};
use crate::cache::{Kind, digest};

/// Whether pods that are there would be replaced.
pub(in crate::eventpipeline) fn would_restart(
    existing: &Existing,
    memory: &Memory,
    prepared: &Resources<Prepared>,
) -> bool {
    let mut deployments = prepared.producer_deployments.iter().chain(&prepared.consumer_deployments);
    deployments.any(|deployment| changes(existing, memory, deployment))
        || prepared.mysql_stateful_set.as_ref().is_some_and(|set| changes(existing, memory, set))
        || (existing.job(&prepared.schema_job.name_any()).is_none() && existing.any_job().is_some())
}

fn changes<K: Kind>(existing: &Existing, memory: &Memory, object: &K) -> bool {
    let key = (K::NAME, object.name_any());
    let Some(record) = existing.objects.get(&key) else { return false };
    let Ok(wanted) = serde_json::to_value(object) else { return false };
    // The API server may write a value in another way than we do.
    let is_known = memory.is_same(&existing.key, &key, digest(&wanted), record.ours);
    let there = record.template().as_ref().map(digest);
    !is_known && there.is_some_and(|there| there != digest(&wanted["spec"]["template"]))
}

/// Gives what would be replaced the templates that it has. The schema Job stays as it is, too: see [`Existing::any_job`].
pub(in crate::eventpipeline) fn hold(existing: &Existing, prepared: &mut Resources<Prepared>) {
    let deployments = prepared.producer_deployments.iter_mut().chain(&mut prepared.consumer_deployments);
    for deployment in deployments {
        if let Some(template) = template::<Deployment>(existing, deployment.name_any())
            && let Some(spec) = &mut deployment.spec
        {
            spec.template = template;
        }
    }
    if let Some(set) = &mut prepared.mysql_stateful_set
        && let Some(template) = template::<StatefulSet>(existing, set.name_any())
        && let Some(spec) = &mut set.spec
    {
        spec.template = template;
    }
    if existing.job(&prepared.schema_job.name_any()).is_none()
        && let Some(job) = existing.any_job()
    {
        prepared.schema_job = job;
    }
}

fn template<K: Kind>(existing: &Existing, name: String) -> Option<PodTemplateSpec> {
    let template: Value = existing.objects.get(&(K::NAME, name))?.template()?;
    serde_json::from_value(template).ok()
}

impl Existing {
    fn job(&self, name: &str) -> Option<()> {
        self.objects.get(&(Job::NAME, name.to_owned())).map(drop)
    }

    /// A schema Job of the pipeline, with its state and as far as it is known: not to be applied.
    fn any_job(&self) -> Option<Job> {
        let mut jobs = self.objects.iter().filter(|((kind, _), _)| *kind == Job::NAME);
        let ((_, name), record) = jobs.find(|(_, record)| record.belongs_to(self.uid.as_deref()))?;
        let mut job = record.snapshot::<Job>()?;
        job.metadata.name = Some(name.clone());
        Some(job)
    }
}
