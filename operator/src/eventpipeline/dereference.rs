//! First step: what is there already of what may have to go.

use eventpipeline_crds::EventPipeline;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::networking::v1::Ingress;
use kube::{Resource as _, ResourceExt as _};

use super::MANAGED_BY_OPERATOR;
use super::build::meta::INSTANCE;
use crate::api::{self, Cluster, Object};

/// What could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A list of objects.
    #[error("the pipeline's objects could not be listed")]
    List(#[source] api::Error),
}

/// The pipeline's own objects, of the kinds that a change of its spec can make superfluous.
#[derive(Debug)]
pub(super) struct Existing {
    pub(super) deployments: Vec<Deployment>,
    pub(super) jobs: Vec<Job>,
    pub(super) ingresses: Vec<Ingress>,
}

/// Reads what is there.
pub(super) async fn dereference(cluster: &Cluster, pipeline: &EventPipeline) -> Result<Existing, Error> {
    Ok(Existing {
        deployments: owned(cluster, pipeline).await?,
        jobs: owned(cluster, pipeline).await?,
        ingresses: owned(cluster, pipeline).await?,
    })
}

/// Objects with our labels that belong to the very pipeline: labels alone can be set by anybody.
async fn owned<K: Object>(cluster: &Cluster, pipeline: &EventPipeline) -> Result<Vec<K>, Error> {
    let namespace = pipeline.namespace().unwrap_or_default();
    let labels = format!("{MANAGED_BY_OPERATOR},{INSTANCE}={}", pipeline.name_any());
    let mut objects = cluster.list::<K>(&namespace, &labels).await.map_err(Error::List)?;
    let uid = pipeline.meta().uid.as_deref();
    objects.retain(|object| object.owner_references().iter().any(|owner| Some(owner.uid.as_str()) == uid));
    Ok(objects)
}
