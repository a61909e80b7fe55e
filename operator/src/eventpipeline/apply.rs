//! Fifth step: applies the objects and deletes those that the spec no longer asks for.
//!
//! Each object is written by a server-side apply of the whole object with one field manager. Changes of its
//! fields by other clients are reverted, fields of other managers stay, and an unchanged object costs no call
//! (see [`last_applied`]). The objects of other owners are never written: a new object is applied so that the
//! call can only create it, an existing one by its uid.

mod certificate;
mod credentials;
mod failures;
mod last_applied;
mod names;
mod needs;
mod volume;
mod writer;

pub(crate) use failures::{Failure, Failures};
pub(crate) use last_applied::{LastApplied, Reverted};
use writer::Writer;

use super::dereference::Existing;
use super::resources::{Applied, Object, Resources};
use crate::api::{self, Cluster};
use crate::cache::ObjectCache;

#[cfg(test)]
pub(crate) use failures::Why;

/// An apply that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The API server does not answer or is overloaded, or this operator does not lead. Nothing more was
    /// written.
    #[error("the API server is unavailable")]
    Unavailable(#[source] api::Error),
    /// Some objects could not be applied; the others were.
    #[error("some objects could not be applied")]
    Objects(#[source] Failures),
}

impl Error {
    /// Returns whether retrying fails until a user changes something.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Unavailable(_) => false,
            Self::Objects(failures) => failures.are_refusals(),
        }
    }
}

/// Applies the objects in order, and deletes the others of the pipeline.
///
/// An object that can't be applied holds up only the objects that need it.
pub(super) async fn apply(
    cluster: &Cluster,
    cache: &ObjectCache,
    last_applied: &LastApplied,
    mut resources: Resources,
    existing: &Existing,
) -> Result<(Applied, Failures), Error> {
    let mut writer = Writer::new(cluster, last_applied, existing);
    let mut gateway_api = true;
    for object in resources.objects() {
        match object {
            Object::NetworkPolicy(policy) => writer.apply(policy).await,
            Object::DisruptionBudget(budget) => writer.apply(budget).await,
            Object::Secret(secret) => writer.create(secret).await,
            Object::DataVolume(volume) => volume::reconcile(&mut writer, volume).await,
            Object::Service(service) => writer.apply(service).await,
            Object::StatefulSet(stateful_set) => writer.apply(stateful_set).await,
            Object::SchemaJob(job) => writer.schema_job(job).await,
            Object::Deployment(deployment) => writer.apply(deployment).await,
            Object::Ingress(ingress) => writer.apply(ingress).await,
            Object::HttpRoute(route) => gateway_api = writer.apply_if_served(route).await,
            Object::Autoscaler(autoscaler) => writer.autoscaler(autoscaler).await,
        }
    }
    if !gateway_api {
        // The status reports it; everything else is applied.
        resources.http_route = None;
    }
    // Last, when the objects that replace them exist.
    writer.delete_orphans(cache).await;
    Ok((Applied::new(resources), writer.finish()?))
}
