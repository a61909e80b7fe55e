//! Which of several installations of the operator looks after a pipeline.
//!
//! Their scopes may overlap: one for all namespaces, one for a single one. Each has a Lease of its own, and the
//! pipeline's status names the Lease of the one that looks after it. The others stand back as long as that Lease is held,
//! and until the pipeline's author says otherwise.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use eventpipeline_crds::EventPipeline;
use eventpipeline_service::error_chain;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::call;
use super::lease::{self, Turn, Watch};

/// Annotation of a pipeline by which its author says which installation is to look after it: `NAMESPACE/NAME` of a Lease.
pub(crate) const ASSIGNED: &str = "eventpipeline.dev/managed-by";

/// How long what was read of a Lease stands: many pipelines may be left to the same installation.
const STANDS: Duration = Duration::from_secs(2);

/// Whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Custody {
    /// This installation looks after the pipeline.
    Ours,
    /// It may, once the status says so.
    Free,
    /// Another one does, and why that is so.
    Another { lease: String, why: String },
}

/// What is known of the Leases of others.
pub(crate) struct Custodian {
    client: Client,
    /// Its own Lease; none where it is said to be the only operator.
    me: Option<String>,
    others: Mutex<HashMap<String, Arc<Mutex<Other>>>>,
}

#[derive(Default)]
struct Other {
    watch: Watch,
    last: Option<(Instant, Result<(), String>)>,
}

impl Custodian {
    pub(crate) fn new(client: Client, me: Option<String>) -> Self {
        Self { client, me, others: Mutex::default() }
    }

    /// As it stands in the status of a pipeline.
    pub(crate) fn me(&self) -> Option<&String> {
        self.me.as_ref()
    }

    /// Who looks after the pipeline.
    pub(crate) async fn of(&self, pipeline: &EventPipeline) -> Custody {
        let shown = pipeline.status.as_ref().and_then(|status| status.managed_by.as_ref());
        let ours = || if shown == self.me.as_ref() { Custody::Ours } else { Custody::Free };
        let other = |lease: &String, why: String| Custody::Another { lease: lease.clone(), why };
        match (pipeline.annotations().get(ASSIGNED), shown) {
            (Some(assigned), _) if Some(assigned) == self.me.as_ref() => ours(),
            (Some(assigned), _) => other(assigned, format!("the annotation {ASSIGNED} says so")),
            (None, Some(shown)) if Some(shown) != self.me.as_ref() => match self.is_free(shown).await {
                Ok(()) => Custody::Free,
                Err(why) => other(shown, why),
            },
            (None, _) => ours(),
        }
    }

    /// Whether nobody holds that Lease; otherwise why it is taken for held.
    async fn is_free(&self, lease: &str) -> Result<(), String> {
        let other = Arc::clone(self.others.lock().await.entry(lease.to_owned()).or_default());
        let mut other = other.lock().await;
        if let Some((at, verdict)) = &other.last
            && at.elapsed() < STANDS
        {
            return verdict.clone();
        }
        let verdict = self.read(lease, &mut other.watch).await;
        other.last = Some((Instant::now(), verdict.clone()));
        verdict
    }

    async fn read(&self, lease: &str, watch: &mut Watch) -> Result<(), String> {
        let Some((namespace, name)) = lease.split_once('/') else { return Ok(()) };
        let leases = Api::<Lease>::namespaced(self.client.clone(), namespace);
        match call("read", leases.get_opt(name)).await {
            Ok(None) => Ok(()),
            Ok(Some(there)) => match watch.turn(&there, Instant::now()) {
                Turn::Take => Ok(()),
                Turn::Wait => {
                    Err(format!("{} holds its Lease", lease::holder(&there).map_or("", |holder| holder)))
                }
            },
            // Whoever can't see whether the other works must take it that it does.
            Err(error) => Err(format!("its Lease can't be read: {}", error_chain(&error))),
        }
    }
}
