//! Fourth step: writes the prepared objects and removes what is superfluous.
//!
//! Everything is a server-side apply of the whole object by one field manager: what somebody else changed is put
//! right, what nobody changed costs no call, and fields that others own are left alone. An object of somebody else is
//! never written: what is not there is applied so that it can only be created, what is there by its uid.

mod certificate;
mod credentials;
mod failures;
mod memory;
mod names;
mod volume;
mod writer;

use std::marker::PhantomData;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::ResourceExt as _;

#[cfg(test)]
pub(crate) use failures::Why;
pub(crate) use failures::{Failure, Failures};
pub(crate) use memory::{Memory, PutRight};
use names::Names;
use writer::{Need, Writer};

use super::dereference::Existing;
use super::resources::{Applied, Prepared, Resources};
use crate::api::{self, Cluster};
use crate::cache::{Kind as _, ObjectCache};
use crate::labels::Component;

/// Why nothing more could be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The API server is away or busy, or this operator does not lead.
    #[error("the API server could not be asked")]
    Away(#[source] api::Error),
    /// Some objects could not be written; the others are.
    #[error("objects could not be written")]
    Objects(#[source] Failures),
}

impl Error {
    /// Whether the next try fails as well until somebody changes something.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Away(_) => false,
            Self::Objects(failures) => failures.are_refusals(),
        }
    }
}

const DEPLOYMENT: &str = <Deployment as k8s_openapi::Resource>::KIND;
const POLICY: &str = <NetworkPolicy as k8s_openapi::Resource>::KIND;

/// What the database's pod needs: passwords to read, a name, who may connect, and a volume that is its own.
const FOR_DATABASE: &[Need] = &[
    (<Secret as k8s_openapi::Resource>::KIND, Component::Mysql),
    (<Service as k8s_openapi::Resource>::KIND, Component::Mysql),
    (<PersistentVolumeClaim as k8s_openapi::Resource>::KIND, Component::Mysql),
    (POLICY, Component::Mysql),
];

/// What whoever connects to the database needs, beside being protected by its own policy.
const fn for_client(component: Component) -> [Need; 4] {
    [
        (<Secret as k8s_openapi::Resource>::KIND, Component::Mysql),
        (<Service as k8s_openapi::Resource>::KIND, Component::Mysql),
        (<StatefulSet as k8s_openapi::Resource>::KIND, Component::Mysql),
        (POLICY, component),
    ]
}

/// What a route leads to.
const FOR_ROUTE: &[Need] = &[(<Service as k8s_openapi::Resource>::KIND, Component::Producer)];

/// Looks for the names of all objects. The claim counts where the StatefulSet that takes it is not there yet.
async fn look<'a>(
    cluster: &'a Cluster,
    existing: &'a Existing,
    prepared: &Resources<Prepared>,
) -> Result<Names<'a>, api::Error> {
    let mut names = Names::new(cluster, existing);
    names.look(&prepared.network_policies).await?;
    names.look(&prepared.disruption_budgets).await?;
    names.look(&prepared.mysql_service).await?;
    names.look(&prepared.mysql_stateful_set).await?;
    if let Some(claim) = &prepared.mysql_claim
        && !existing.objects.keys().any(|(kind, _)| *kind == StatefulSet::NAME)
    {
        names.look_for_claim(&claim.name).await?;
    }
    names.look([&prepared.schema_job]).await?;
    names.look([&prepared.wakeups_service, &prepared.producer_service]).await?;
    names.look(&prepared.producer_deployments).await?;
    names.look(&prepared.consumer_deployments).await?;
    names.look(&prepared.ingress).await?;
    names.look(&prepared.http_route).await?;
    names.look(&prepared.autoscalers).await?;
    Ok(names)
}

/// Writes the objects, each after those that it needs. What could not be written keeps from being written only what
/// needs it.
///
/// Taken apart without `..`: an object that is added to [`Resources`] is forgotten nowhere.
#[expect(clippy::too_many_lines, reason = "a list of the objects, in their order")]
pub(super) async fn apply(
    cluster: &Cluster,
    cache: &ObjectCache,
    memory: &Memory,
    prepared: Resources<Prepared>,
    existing: &Existing,
) -> Result<(Resources<Applied>, Failures), Error> {
    let names = look(cluster, existing, &prepared).await.map_err(Error::Away)?;
    let Resources {
        secrets,
        mysql_claim,
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
    } = prepared;
    let mut writer = Writer::new(cluster, memory, existing, names);
    // Before the pods that they are about.
    let network_policies = writer.all(&network_policies, &[]).await;
    let disruption_budgets = writer.all(&disruption_budgets, &[]).await;
    // Before the pods that mount them.
    for secret in &secrets {
        writer.create(secret).await;
    }
    let mysql_claim = match mysql_claim {
        Some(claim) => {
            writer.claim(&claim.name);
            Some(volume::grow(cluster, existing, &mut writer, claim).await)
        }
        None => None,
    };
    // Before the pod whose name it gives an address.
    let mysql_service = writer.maybe(mysql_service.as_ref(), &[]).await;
    let mysql_stateful_set = writer.maybe(mysql_stateful_set.as_ref(), FOR_DATABASE).await;
    // Waits for the database by itself; producers and consumers wait for the schema.
    let schema_job = writer.schema_job(&schema_job, &for_client(Component::Schema)).await;
    // Before the pods that are to find each other by it.
    let wakeups_service = writer.one(&wakeups_service, &[]).await;
    // Before the pods that it is to find and the Ingress that names it.
    let producer_service = writer.one(&producer_service, &[]).await;
    let producer_deployments = writer.all(&producer_deployments, &for_client(Component::Producer)).await;
    let consumer_deployments = writer.all(&consumer_deployments, &for_client(Component::Consumer)).await;
    let ingress = writer.maybe(ingress.as_ref(), FOR_ROUTE).await;
    // A cluster without the Gateway API: all else goes on, and the status says so.
    let http_route = writer.if_served(http_route.as_ref(), FOR_ROUTE).await;
    // After the Deployments that they scale, and never of somebody else's.
    let (scaling, idle): (Vec<_>, Vec<_>) = autoscalers
        .into_iter()
        .partition(|autoscaler| !writer.is_missing(DEPLOYMENT, &autoscaler.name_any()));
    let autoscalers = [writer.all(&scaling, &[]).await, idle].concat();
    // Last: what replaces them is there.
    writer.remove_all_others(cache).await;
    let failures = writer.finish()?;
    let applied = Resources {
        secrets,
        mysql_claim,
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
        state: PhantomData,
    };
    Ok((applied, failures))
}
