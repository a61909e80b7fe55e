//! Keeps the holders of hosts and paths up to date, by watching every Ingress and HTTPRoute.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use eventpipeline_service::error_chain;
use futures::{Stream, StreamExt as _, stream};
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt as _};
use serde_json::Value;
use tracing::warn;

use super::{Claim, Holder, Routes};
use crate::cache::{Need, ObjectCache, PipelineKey, Watched, Watches};
use crate::gateway::HTTPRoute;

/// Page size of lists. Pages are small because the claims take a hundredth of the object they are made from.
const PAGE: u32 = 100;
/// Interval of checks whether the API server serves a kind, and permits us to list it.
const SERVED_CHECK: Duration = Duration::from_mins(1);
/// Timeout of that check.
const LIMIT: Duration = Duration::from_secs(10);

/// A kind of objects with hosts and paths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    name: &'static str,
    /// Name of the watch of all objects of the kind.
    all: &'static str,
    need: Need,
    resource: fn() -> ApiResource,
    claims: fn(&Value) -> Vec<Claim>,
}

/// Ingresses, which every cluster serves.
pub(crate) const INGRESSES: Kind = Kind {
    name: "Ingress",
    all: "Ingress of others",
    need: Need::Always,
    resource: || ApiResource::erase::<k8s_openapi::api::networking::v1::Ingress>(&()),
    claims: Claim::of_ingress_object,
};
/// HTTPRoutes, which a cluster with the Gateway API serves.
pub(crate) const HTTP_ROUTES: Kind = Kind {
    name: "HTTPRoute",
    all: "HTTPRoute of others",
    need: Need::IfServed,
    resource: || ApiResource::erase::<HTTPRoute>(&()),
    claims: Claim::of_http_route_object,
};

/// A list in progress.
struct Listing {
    watched: Watched,
    /// Namespace of the objects, or `None` for all namespaces.
    namespace: Option<String>,
    /// Objects received since the start.
    holders: HashSet<Holder>,
}

impl Kind {
    /// Returns the API resource of the kind.
    pub(crate) fn resource(self) -> ApiResource {
        (self.resource)()
    }
}

impl Routes {
    /// Watches the objects of a kind in the namespace of `api`, whoever created them. Yields each pipeline that may have gained or lost
    /// a host and path.
    pub(crate) fn watch(
        self: &Arc<Self>,
        cache: &Arc<ObjectCache>,
        kind: Kind,
        api: Api<DynamicObject>,
    ) -> impl Stream<Item = PipelineKey> + Send + use<> {
        cache.watches().begun(&Watched::new(kind.all, api.namespace()), kind.need);
        let (routes, cache) = (Arc::clone(self), Arc::clone(cache));
        let served = async move {
            if kind.need == Need::IfServed {
                served(&api).await;
            }
            routes.changes(cache, kind, api)
        };
        stream::once(served).flatten()
    }

    fn changes(
        self: &Arc<Self>,
        cache: Arc<ObjectCache>,
        kind: Kind,
        api: Api<DynamicObject>,
    ) -> impl Stream<Item = PipelineKey> + Send + use<> {
        let routes = Arc::clone(self);
        let namespace = api.namespace().map(str::to_owned);
        let watched = Watched::new(kind.all, api.namespace());
        let mut listing = Listing { watched, namespace, holders: HashSet::new() };
        watcher(api, watcher::Config::default().page_size(PAGE))
            .default_backoff()
            .map(move |event| stream::iter(routes.handle(cache.watches(), kind, event, &mut listing)))
            .flatten()
    }

    /// Applies an event of the watch. Returns the pipelines that are affected.
    fn handle(
        &self,
        watches: &Watches,
        kind: Kind,
        event: watcher::Result<Event<DynamicObject>>,
        listing: &mut Listing,
    ) -> Vec<PipelineKey> {
        match event {
            Ok(Event::Init) => {
                watches.lists(&listing.watched);
                listing.holders.clear();
            }
            Ok(Event::InitApply(object)) => {
                let (holder, claims) = claims_of(kind, &object);
                listing.holders.insert(holder.clone());
                return self.publish(&holder, claims);
            }
            Ok(Event::InitDone) => {
                let published = self.published_of(kind.name, listing.namespace.as_deref());
                let gone = published.into_iter().filter(|holder| !listing.holders.contains(holder));
                let affected = gone.flat_map(|holder| self.publish(&holder, Vec::new())).collect();
                watches.listed(&listing.watched);
                return affected;
            }
            Ok(Event::Apply(object)) => {
                let (holder, claims) = claims_of(kind, &object);
                return self.publish(&holder, claims);
            }
            Ok(Event::Delete(object)) => return self.publish(&claims_of(kind, &object).0, Vec::new()),
            Err(error) => {
                let why = error_chain(&error);
                watches.interrupted(&listing.watched, &why);
                warn!(kind = kind.name, error = why, "watch on {} failed; retrying", listing.watched);
            }
        }
        Vec::new()
    }
}

/// Returns once the API server lists objects of the kind.
async fn served(api: &Api<DynamicObject>) {
    let one = ListParams::default().limit(1);
    while !matches!(tokio::time::timeout(LIMIT, api.list_metadata(&one)).await, Ok(Ok(_))) {
        tokio::time::sleep(SERVED_CHECK).await;
    }
}

fn claims_of(kind: Kind, object: &DynamicObject) -> (Holder, Vec<Claim>) {
    let holder = Holder {
        kind: kind.name,
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    };
    // A `DynamicObject` stores its metadata separately.
    let mut whole = object.data.clone();
    whole["metadata"] = serde_json::to_value(&object.metadata).unwrap_or_default();
    (holder, (kind.claims)(&whole))
}
