//! Detects changes that restart pods, and holds them back.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use kube::ResourceExt as _;
use serde_json::Value;

use super::super::apply::LastApplied;
use super::super::dereference::Existing;
use super::super::resources::Resources;
use crate::cache::{Kind, digest};

/// Returns whether applying the objects would replace existing pods.
pub(in crate::eventpipeline) fn would_restart(
    existing: &Existing,
    last_applied: &LastApplied,
    resources: &Resources,
) -> bool {
    let mut deployments = resources.producer_deployments.iter().chain(&resources.consumer_deployments);
    deployments.any(|deployment| changes(existing, last_applied, deployment))
        || resources.mysql_stateful_set.as_ref().is_some_and(|set| changes(existing, last_applied, set))
        || (existing.job(&resources.schema_job.name_any()).is_none() && existing.any_job().is_some())
}

fn changes<K: Kind>(existing: &Existing, last_applied: &LastApplied, object: &K) -> bool {
    let key = (K::NAME, object.name_any());
    let Some(record) = existing.objects.get(&key) else { return false };
    let Ok(wanted) = serde_json::to_value(object) else { return false };
    // The API server may store a value in another form than it was sent.
    let is_known = last_applied.is_up_to_date(&existing.key, &key, digest(&wanted), record.ours);
    let template = record.template().as_ref().map(digest);
    !is_known && template.is_some_and(|template| template != digest(&wanted["spec"]["template"]))
}

/// Replaces changed pod templates by the existing ones. The existing schema Job is kept as well: see
/// [`Existing::any_job`].
pub(in crate::eventpipeline) fn hold(existing: &Existing, resources: &mut Resources) {
    let deployments = resources.producer_deployments.iter_mut().chain(&mut resources.consumer_deployments);
    for deployment in deployments {
        if let Some(template) = template::<Deployment>(existing, deployment.name_any())
            && let Some(spec) = &mut deployment.spec
        {
            spec.template = template;
        }
    }
    if let Some(set) = &mut resources.mysql_stateful_set
        && let Some(template) = template::<StatefulSet>(existing, set.name_any())
        && let Some(spec) = &mut set.spec
    {
        spec.template = template;
    }
    if existing.job(&resources.schema_job.name_any()).is_none()
        && let Some(job) = existing.any_job()
    {
        resources.schema_job = job;
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

    /// Returns an existing schema Job of the pipeline with its status. It has no spec and must not be
    /// applied.
    fn any_job(&self) -> Option<Job> {
        let mut jobs = self.objects.iter().filter(|((kind, _), _)| *kind == Job::NAME);
        let ((_, name), record) = jobs.find(|(_, record)| record.belongs_to(self.uid.as_deref()))?;
        let mut job = record.snapshot::<Job>()?;
        job.metadata.name = Some(name.clone());
        Some(job)
    }
}
