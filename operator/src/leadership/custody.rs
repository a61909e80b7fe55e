//! Decides which of several installations of the operator manages a pipeline.
//!
//! Scopes may overlap, such as one for all namespaces and one for a single namespace. Each installation has
//! its own Lease, and the status of a pipeline names the Lease of the installation that manages it. The
//! others leave the pipeline alone while that Lease is held, unless an annotation of the pipeline assigns it
//! to them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use eventpipeline_crds::EventPipeline;
use eventpipeline_service::error_chain;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::call::call;
use super::lease::{self, LeaseObserver, Turn};

/// Annotation that assigns a pipeline to an installation: `NAMESPACE/NAME` of its Lease.
pub(crate) const ASSIGNED: &str = "eventpipeline.dev/managed-by";

/// Time for which the result of reading a Lease is reused. Many pipelines may belong to the same
/// installation.
const FRESH: Duration = Duration::from_secs(2);

/// The installation that manages a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Custody {
    /// This installation manages the pipeline.
    Ours,
    /// This installation may manage the pipeline once the status says so.
    Free,
    /// Another installation manages the pipeline, for the reason given.
    Another { lease: String, why: String },
}

/// Knowledge about other installations' Leases.
pub(crate) struct Custodian {
    client: Client,
    /// Lease of this installation. `None` if it is configured to be the only one.
    me: Option<String>,
    others: Mutex<HashMap<String, Arc<Mutex<Other>>>>,
}

#[derive(Default)]
struct Other {
    observer: LeaseObserver,
    last: Option<(Instant, Result<(), String>)>,
}

impl Custodian {
    pub(crate) fn new(client: Client, me: Option<String>) -> Self {
        Self { client, me, others: Mutex::default() }
    }

    /// Returns the Lease of this installation, as shown in the status of pipelines.
    pub(crate) fn me(&self) -> Option<&String> {
        self.me.as_ref()
    }

    /// Returns which installation manages the pipeline.
    pub(crate) async fn of(&self, pipeline: &EventPipeline) -> Custody {
        let shown = pipeline.status.as_ref().and_then(|status| status.managed_by.as_ref());
        let ours = || if shown == self.me.as_ref() { Custody::Ours } else { Custody::Free };
        let other = |lease: &String, why: String| Custody::Another { lease: lease.clone(), why };
        match (pipeline.annotations().get(ASSIGNED), shown) {
            (Some(assigned), _) if Some(assigned) == self.me.as_ref() => ours(),
            (Some(assigned), _) => other(assigned, format!("the annotation {ASSIGNED} assigns it")),
            (None, Some(shown)) if Some(shown) != self.me.as_ref() => match self.is_free(shown).await {
                Ok(()) => Custody::Free,
                Err(why) => other(shown, why),
            },
            (None, _) => ours(),
        }
    }

    /// Succeeds if the Lease has no holder. Otherwise returns why it counts as held.
    async fn is_free(&self, lease: &str) -> Result<(), String> {
        let other = Arc::clone(self.others.lock().await.entry(lease.to_owned()).or_default());
        let mut other = other.lock().await;
        if let Some((at, verdict)) = &other.last
            && at.elapsed() < FRESH
        {
            return verdict.clone();
        }
        let verdict = self.read(lease, &mut other.observer).await;
        other.last = Some((Instant::now(), verdict.clone()));
        verdict
    }

    async fn read(&self, lease: &str, observer: &mut LeaseObserver) -> Result<(), String> {
        let Some((namespace, name)) = lease.split_once('/') else { return Ok(()) };
        let leases = Api::<Lease>::namespaced(self.client.clone(), namespace);
        match call("read", leases.get_opt(name)).await {
            Ok(None) => Ok(()),
            Ok(Some(there)) => match observer.turn(&there, Instant::now()) {
                Turn::Take => Ok(()),
                Turn::Wait => {
                    Err(format!("{} holds its Lease", lease::holder(&there).map_or("", |holder| holder)))
                }
            },
            // An installation whose Lease cannot be read may be running.
            Err(error) => Err(format!("its Lease cannot be read: {}", error_chain(&error))),
        }
    }
}
