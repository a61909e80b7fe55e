//! Fourth step: writes the prepared objects and removes what is superfluous.
//!
//! Everything is a server-side apply of the whole object by one field manager: what somebody else changed is put
//! right, what nobody changed costs no call, and fields that others own are left alone.

mod certificate;
mod credentials;
mod memory;
mod volume;
mod writer;

use std::marker::PhantomData;

pub(crate) use memory::{Memory, PutRight};
use writer::Writer;

use super::dereference::Existing;
use super::resources::{Applied, Prepared, Resources};
use crate::api::{self, Cluster};
use crate::inventory::Inventory;

/// What could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// An object.
    #[error("an object could not be written")]
    Write(#[source] api::Error),
    /// An object that makes no sense as JSON.
    #[error("an object could not be read or written as JSON")]
    Json(#[source] serde_json::Error),
    /// What is to be in a Secret.
    #[error("the data of a Secret could not be made")]
    Credentials(#[source] credentials::Error),
}

impl Error {
    /// What the API server answered, where it did and would again: its author must change something.
    pub(super) fn refusal(&self) -> Option<&kube::core::Status> {
        match self {
            Self::Write(api::Error::Refused { status, .. }) if (400..500).contains(&status.code) => {
                Some(status)
            }
            _ => None,
        }
    }

    /// Whether the pipeline's namespace goes: it takes no new objects, and the pipeline goes with it.
    pub(super) fn namespace_goes(&self) -> bool {
        let details = self.refusal().and_then(|status| status.details.as_ref());
        details.is_some_and(|it| it.causes.iter().any(|cause| cause.reason == NAMESPACE_TERMINATING))
    }
}

/// As Kubernetes names that cause (`NamespaceTerminatingCause` in k8s.io/api/core/v1).
const NAMESPACE_TERMINATING: &str = "NamespaceTerminating";

/// Writes the objects, each after those that it needs.
///
/// Taken apart without `..`: an object that is added to [`Resources`] is forgotten nowhere.
pub(super) async fn apply(
    cluster: &Cluster,
    inventory: &Inventory,
    memory: &Memory,
    prepared: Resources<Prepared>,
    existing: &Existing,
) -> Result<Resources<Applied>, Error> {
    let Resources {
        secrets,
        mysql_claim,
        mysql_service,
        mysql_stateful_set,
        schema_job,
        hints_service,
        producer_service,
        producer_deployments,
        consumer_deployments,
        ingress,
        http_route,
        network_policies,
        disruption_budgets,
        autoscalers,
        state: _,
    } = prepared;
    let mut writer = Writer::new(cluster, memory, existing);
    // Before the pods that they are about.
    let network_policies = writer.all(&network_policies).await?;
    let disruption_budgets = writer.all(&disruption_budgets).await?;
    // Before the pods that mount them.
    for secret in &secrets {
        writer.create(secret).await?;
    }
    let mysql_claim = match mysql_claim {
        Some(claim) => Some(volume::grow(cluster, existing, claim).await?),
        None => None,
    };
    // Before the pod whose name it gives an address.
    let mysql_service = writer.maybe(mysql_service.as_ref()).await?;
    let mysql_stateful_set = writer.maybe(mysql_stateful_set.as_ref()).await?;
    // Waits for the database by itself; producers and consumers wait for the schema.
    let schema_job = writer.one(&schema_job).await?;
    // Before the pods that are to find each other by it.
    let hints_service = writer.one(&hints_service).await?;
    // Before the pods that it is to find and the Ingress that names it.
    let producer_service = writer.one(&producer_service).await?;
    let producer_deployments = writer.all(&producer_deployments).await?;
    let consumer_deployments = writer.all(&consumer_deployments).await?;
    let ingress = writer.maybe(ingress.as_ref()).await?;
    let http_route = match writer.maybe(http_route.as_ref()).await {
        // A cluster without the Gateway API: all else goes on, and the status says so.
        Err(Error::Write(error)) if error.not_served() => None,
        applied => applied?,
    };
    // After the Deployments that they scale.
    let autoscalers = writer.all(&autoscalers).await?;
    // Last: what replaces them is there.
    writer.remove_all_others(inventory).await?;
    Ok(Resources {
        secrets,
        mysql_claim,
        mysql_service,
        mysql_stateful_set,
        schema_job,
        hints_service,
        producer_service,
        producer_deployments,
        consumer_deployments,
        ingress,
        http_route,
        network_policies,
        disruption_budgets,
        autoscalers,
        state: PhantomData,
    })
}
