//! The objects of a pipeline as data, for those who have no cluster.

use eventpipeline_crds::EventPipeline;
use jiff::Timestamp;
use kube::ResourceExt as _;
use serde::Serialize;
use serde_json::Value;

use super::resources::Resources;
use super::{build, validate};
use crate::cache::Kind;

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The spec can't be built.
    #[error("the spec must be changed")]
    Invalid(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An object can't be written as JSON.
    #[error("failed to write an object as JSON")]
    Json(#[source] serde_json::Error),
}

/// An object that the operator would apply.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rendered {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    /// All of it; a Secret without its data, which is made when it is created.
    pub(crate) object: Value,
}

/// What the operator would apply for the pipeline if nothing of it were there, in that order. The same for the same
/// pipeline, at any time.
pub(crate) fn render(pipeline: &EventPipeline, image: &str) -> Result<Vec<Rendered>, Error> {
    let now = pipeline.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |created| created.0);
    let validated =
        validate::validate(pipeline, image, now).map_err(|error| Error::Invalid(Box::new(error)))?;
    let Resources {
        secrets,
        // The StatefulSet's controller makes it.
        mysql_claim: _,
        mysql_service,
        mysql_stateful_set,
        schema_job,
        wakeups_service,
        producer_service,
        producer_deployments,
        consumer_deployments,
        ingress,
        http_route,
        network_policies,
        disruption_budgets,
        autoscalers,
        state: _,
    } = build::build(&validated);
    let mut objects = Objects(Vec::new());
    objects.all(&network_policies)?;
    objects.all(&disruption_budgets)?;
    for secret in &secrets {
        objects.add("Secret", secret.object.name_any(), &secret.object)?;
    }
    objects.all(mysql_service.as_slice())?;
    objects.all(mysql_stateful_set.as_slice())?;
    objects.all(&[schema_job])?;
    objects.all(&[wakeups_service, producer_service])?;
    objects.all(&producer_deployments)?;
    objects.all(&consumer_deployments)?;
    objects.all(ingress.as_slice())?;
    objects.all(http_route.as_slice())?;
    objects.all(&autoscalers)?;
    Ok(objects.0)
}

struct Objects(Vec<Rendered>);

impl Objects {
    fn all<K: Kind>(&mut self, objects: &[K]) -> Result<(), Error> {
        objects.iter().try_for_each(|object| self.add(K::NAME, object.name_any(), object))
    }

    fn add(&mut self, kind: &'static str, name: String, object: &impl Serialize) -> Result<(), Error> {
        let object = serde_json::to_value(object).map_err(Error::Json)?;
        self.0.push(Rendered { kind, name, object });
        Ok(())
    }
}
