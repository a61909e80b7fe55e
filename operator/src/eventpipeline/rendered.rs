//! The objects of a pipeline as data, for commands that run without a cluster.

use eventpipeline_crds::EventPipeline;
use jiff::Timestamp;
use kube::{Resource, ResourceExt as _};
use serde::Serialize;
use serde_json::Value;

use super::resources::Object;
use super::{build, validate};

/// A pipeline that can't be rendered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The spec is invalid.
    #[error("the spec is invalid")]
    Invalid(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An object can't be written as JSON.
    #[error("failed to write an object as JSON")]
    Json(#[source] serde_json::Error),
}

/// An object that the operator would apply.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rendered {
    pub(crate) kind: String,
    pub(crate) name: String,
    /// The whole object; a Secret without its data, which is generated when the Secret is created.
    pub(crate) object: Value,
}

/// Returns the objects that the operator would apply if none existed, in the order in which it applies them.
///
/// The result depends on the pipeline and the image only, not on the time.
pub(crate) fn render(pipeline: &EventPipeline, image: &str) -> Result<Vec<Rendered>, Error> {
    let now = pipeline.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |created| created.0);
    let validated =
        validate::validate(pipeline, image, now).map_err(|error| Error::Invalid(Box::new(error)))?;
    let mut resources = build::build(&validated);
    let rendered = resources.objects().into_iter().filter_map(|object| match object {
        Object::NetworkPolicy(object) => Some(rendered(object)),
        Object::DisruptionBudget(object) => Some(rendered(object)),
        Object::Secret(secret) => Some(rendered(&secret.object)),
        // The StatefulSet's controller creates the claim.
        Object::DataVolume(_) => None,
        Object::Service(object) => Some(rendered(object)),
        Object::StatefulSet(object) => Some(rendered(object)),
        Object::SchemaJob(object) => Some(rendered(object)),
        Object::Deployment(object) => Some(rendered(object)),
        Object::Ingress(object) => Some(rendered(object)),
        Object::HttpRoute(object) => Some(rendered(object)),
        Object::Autoscaler(object) => Some(rendered(object)),
    });
    rendered.collect()
}

fn rendered<K: Resource<DynamicType = ()> + Serialize>(object: &K) -> Result<Rendered, Error> {
    let (kind, name) = (K::kind(&()).into_owned(), object.name_any());
    let object = serde_json::to_value(object).map_err(Error::Json)?;
    Ok(Rendered { kind, name, object })
}
