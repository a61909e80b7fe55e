//! Keeps the table up to date, by watches of every Ingress and HTTPRoute.

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
use crate::gateway::HTTPRoute;
use crate::inventory::{Inventory, Need, PipelineKey, Watches};

/// Small pages: what is kept of an object is a hundredth of what is read.
const PAGE: u32 = 100;
/// How often to ask for a kind that the API server does not serve, or not to us.
const SERVED_YET: Duration = Duration::from_mins(1);
/// How long an answer to that may take.
const LIMIT: Duration = Duration::from_secs(10);

/// A kind of objects that have hosts and paths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    name: &'static str,
    /// How the watch of all of them is called.
    all: &'static str,
    need: Need,
    resource: fn() -> ApiResource,
    claims: fn(&Value) -> Vec<Claim>,
}

/// Those of every cluster.
pub(crate) const INGRESSES: Kind = Kind {
    name: "Ingress",
    all: "Ingress of others",
    need: Need::Always,
    resource: || ApiResource::erase::<k8s_openapi::api::networking::v1::Ingress>(&()),
    claims: Claim::of_ingress_object,
};
/// Those of a cluster with the Gateway API.
pub(crate) const HTTP_ROUTES: Kind = Kind {
    name: "HTTPRoute",
    all: "HTTPRoute of others",
    need: Need::IfServed,
    resource: || ApiResource::erase::<HTTPRoute>(&()),
    claims: Claim::of_http_route_object,
};

impl Kind {
    /// How its objects are addressed.
    pub(crate) fn resource(self) -> ApiResource {
        (self.resource)()
    }
}

impl Routes {
    /// Watches the objects of a kind, whoever made them. Each pipeline that it gives may have got or lost a place.
    pub(crate) fn follow(
        self: &Arc<Self>,
        inventory: &Arc<Inventory>,
        kind: Kind,
        api: Api<DynamicObject>,
    ) -> impl Stream<Item = PipelineKey> + Send + use<> {
        inventory.watches().begun(kind.all, kind.need);
        let (routes, inventory) = (Arc::clone(self), Arc::clone(inventory));
        let served = async move {
            if kind.need == Need::IfServed {
                served(&api).await;
            }
            routes.watch(inventory, kind, api)
        };
        stream::once(served).flatten()
    }

    fn watch(
        self: &Arc<Self>,
        inventory: Arc<Inventory>,
        kind: Kind,
        api: Api<DynamicObject>,
    ) -> impl Stream<Item = PipelineKey> + Send + use<> {
        let routes = Arc::clone(self);
        let mut listing = HashSet::new();
        watcher(api, watcher::Config::default().page_size(PAGE))
            .default_backoff()
            .map(move |event| stream::iter(routes.take(inventory.watches(), kind, event, &mut listing)))
            .flatten()
    }

    fn take(
        &self,
        watches: &Watches,
        kind: Kind,
        event: watcher::Result<Event<DynamicObject>>,
        listing: &mut HashSet<Holder>,
    ) -> Vec<PipelineKey> {
        match event {
            Ok(Event::Init) => {
                watches.lists(kind.all);
                listing.clear();
            }
            Ok(Event::InitApply(object)) => {
                let (holder, claims) = claims_of(kind, &object);
                listing.insert(holder.clone());
                return self.publish(&holder, claims);
            }
            Ok(Event::InitDone) => {
                let gone =
                    self.published_of(kind.name).into_iter().filter(|holder| !listing.contains(holder));
                let concerned = gone.flat_map(|holder| self.publish(&holder, Vec::new())).collect();
                watches.listed(kind.all);
                return concerned;
            }
            Ok(Event::Apply(object)) => {
                let (holder, claims) = claims_of(kind, &object);
                return self.publish(&holder, claims);
            }
            Ok(Event::Delete(object)) => return self.publish(&claims_of(kind, &object).0, Vec::new()),
            Err(error) => {
                let why = error_chain(&error);
                watches.interrupted(kind.all, &why);
                warn!(
                    kind = kind.name,
                    error = why,
                    "the watch of {} is interrupted; it goes on by itself",
                    kind.all
                );
            }
        }
        Vec::new()
    }
}

/// Ends once the API server lists them to us.
async fn served(api: &Api<DynamicObject>) {
    let one = ListParams::default().limit(1);
    while !matches!(tokio::time::timeout(LIMIT, api.list_metadata(&one)).await, Ok(Ok(_))) {
        tokio::time::sleep(SERVED_YET).await;
    }
}

fn claims_of(kind: Kind, object: &DynamicObject) -> (Holder, Vec<Claim>) {
    let holder = Holder {
        kind: kind.name,
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    };
    // The metadata is apart from the rest.
    let mut whole = object.data.clone();
    whole["metadata"] = serde_json::to_value(&object.metadata).unwrap_or_default();
    (holder, (kind.claims)(&whole))
}
