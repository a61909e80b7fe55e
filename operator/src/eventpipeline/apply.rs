//! Fourth step: writes the prepared objects and removes what is superfluous.
//!
//! Everything is a server-side apply of the whole object by one field manager: what somebody else changed is put
//! right, what nobody changed costs no write, and fields that others own are left alone.

mod passwords;

use std::marker::PhantomData;

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use tracing::info;

use super::dereference::Existing;
use super::resources::{Applied, Prepared, Resources};
use crate::api::{self, Cluster, Object};

/// What could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// An object.
    #[error("an object could not be written")]
    Write(#[source] api::Error),
    /// The operating system gives no random bytes.
    #[error("no password could be made")]
    Passwords(#[source] passwords::Error),
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
}

/// Writes the objects, each after those that it needs.
///
/// Taken apart without `..`: an object that is added to [`Resources`] is forgotten nowhere.
pub(super) async fn apply(
    cluster: &Cluster,
    prepared: Resources<Prepared>,
    existing: Existing,
) -> Result<Resources<Applied>, Error> {
    let Resources {
        mysql_secret,
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
    let writer = Writer { cluster };
    // Before the pods that they are about.
    let network_policies = writer.all(&network_policies).await?;
    let disruption_budgets = writer.all(&disruption_budgets).await?;
    // Before the pods that mount it.
    writer.create(&mysql_secret).await?;
    // Before the pod whose name it gives an address.
    let mysql_service = writer.one(&mysql_service).await?;
    let mysql_stateful_set = writer.one(&mysql_stateful_set).await?;
    // Waits for the database by itself; producers and consumers wait for the schema.
    let schema_job = writer.one(&schema_job).await?;
    // Before the pods that are to find each other by it.
    let hints_service = writer.one(&hints_service).await?;
    // Before the pods that it is to find and the Ingress that names it.
    let producer_service = writer.one(&producer_service).await?;
    let producer_deployments = writer.all(&producer_deployments).await?;
    let consumer_deployments = writer.all(&consumer_deployments).await?;
    let ingress = match ingress {
        Some(ingress) => Some(writer.one(&ingress).await?),
        None => None,
    };
    let http_route = match http_route {
        Some(http_route) => Some(writer.one(&http_route).await?),
        None => None,
    };
    // After the Deployments that they scale.
    let autoscalers = writer.all(&autoscalers).await?;
    // Last: what replaces them is there.
    let Existing { deployments, jobs, ingresses } = existing;
    let groups = producer_deployments.iter().chain(&consumer_deployments);
    writer.remove_all_but(&deployments, groups).await?;
    writer.remove_all_but(&jobs, [&schema_job]).await?;
    writer.remove_all_but(&ingresses, &ingress).await?;
    Ok(Resources {
        mysql_secret,
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

struct Writer<'a> {
    cluster: &'a Cluster,
}

impl Writer<'_> {
    async fn one<K: Object>(&self, object: &K) -> Result<K, Error> {
        self.cluster.apply(object).await.map_err(Error::Write)
    }

    async fn all<K: Object>(&self, objects: &[K]) -> Result<Vec<K>, Error> {
        let mut applied = Vec::with_capacity(objects.len());
        for object in objects {
            applied.push(self.one(object).await?);
        }
        Ok(applied)
    }

    /// Creates the Secret unless it is there: its passwords are those that the data was made with.
    async fn create(&self, secret: &Secret) -> Result<(), Error> {
        let with_passwords =
            Secret { data: Some(passwords::make().map_err(Error::Passwords)?), ..secret.clone() };
        if self.cluster.create(&with_passwords).await.map_err(Error::Write)? {
            info!(secret = secret.name_any(), "made the passwords of Secret {}", secret.name_any());
        }
        Ok(())
    }

    async fn remove_all_but<'a, K: Object + 'a>(
        &self,
        existing: &[K],
        wanted: impl IntoIterator<Item = &'a K>,
    ) -> Result<(), Error> {
        let wanted: Vec<String> = wanted.into_iter().map(ResourceExt::name_any).collect();
        for object in existing.iter().filter(|object| !wanted.contains(&object.name_any())) {
            info!(name = object.name_any(), "deleting {} {}", K::kind(&()), object.name_any());
            self.cluster.delete(object).await.map_err(Error::Write)?;
        }
        Ok(())
    }
}
