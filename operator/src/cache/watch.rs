//! Keeps the cached objects of a kind up to date and names the pipelines that changed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use eventpipeline_service::error_chain;
use futures::{Stream, StreamExt as _, stream};
use kube::api::ListParams;
use kube::core::ApiResource;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt as _};
use tracing::warn;

use super::kinds::Kind;
use super::record::Watched as Object;
use super::{Need, ObjectCache, ObjectKey, PipelineKey, Watched};
use crate::labels::{INSTANCE, MANAGED_BY_OPERATOR};

/// Page size of lists. Pages are small because a record takes a tenth of the object it is made from.
const PAGE: u32 = 100;

/// First and longest pause before the API server is asked again for a kind that it did not list.
const RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];

/// A list in progress.
struct Listing {
    watched: Watched,
    /// Namespace of the objects, or `None` for all namespaces.
    namespace: Option<String>,
    /// Objects received since the start.
    objects: HashSet<(PipelineKey, ObjectKey)>,
}

fn watched<K: Kind>(api: &Api<Object<K>>) -> Watched {
    Watched::new(K::NAME, api.namespace())
}

impl ObjectCache {
    /// Watches the operator's objects of a kind, in the namespace of `api` or in all. Yields each pipeline whose objects changed.
    pub(crate) fn watch<K: Kind>(
        self: &Arc<Self>,
        api: Api<Object<K>>,
    ) -> impl Stream<Item = PipelineKey> + Send + use<K> {
        self.watches.begun(&watched::<K>(&api), Need::Always);
        self.changes(api)
    }

    /// Like [`Self::watch`], for a kind that the API server may not serve yet. Reconciliations do not wait for its
    /// list.
    pub(crate) fn watch_once_served<K: Kind>(
        self: &Arc<Self>,
        api: Api<Object<K>>,
    ) -> impl Stream<Item = PipelineKey> + Send + use<K> {
        self.watches.begun(&watched::<K>(&api), Need::IfServed);
        let cache = Arc::clone(self);
        let served = async move {
            cache.served(&api).await;
            cache.changes(api)
        };
        stream::once(served).flatten()
    }

    /// Returns once the API server serves the kind. Only a 404 means that it does not.
    async fn served<K: Kind>(&self, api: &Api<Object<K>>) {
        let [mut pause, longest] = RETRY;
        let one = ListParams::default().limit(1);
        loop {
            match api.list_metadata(&one).await {
                Ok(_) => return,
                Err(kube::Error::Api(status)) if status.code == 404 => pause = longest,
                Err(error) => {
                    self.watches.interrupted(&watched(api), &error_chain(&error));
                    warn!(
                        kind = K::NAME,
                        error = error_chain(&error),
                        "failed to list {}; retrying",
                        K::NAME
                    );
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    fn changes<K: Kind>(
        self: &Arc<Self>,
        api: Api<Object<K>>,
    ) -> impl Stream<Item = PipelineKey> + Send + use<K> {
        self.resources().insert(K::NAME, ApiResource::erase::<K>(&()));
        let config = watcher::Config::default().labels(MANAGED_BY_OPERATOR).page_size(PAGE);
        let cache = Arc::clone(self);
        let watched = watched(&api);
        let namespace = api.namespace().map(str::to_owned);
        let mut listing = Listing { watched, namespace, objects: HashSet::new() };
        watcher(api, config)
            .default_backoff()
            .map(move |event| cache.handle(event, &mut listing))
            .flat_map(stream::iter)
    }

    /// Applies an event of the watch. Returns the pipelines that changed.
    fn handle<K: Kind>(
        &self,
        event: watcher::Result<Event<Object<K>>>,
        listing: &mut Listing,
    ) -> Vec<PipelineKey> {
        match event {
            Ok(Event::Init) => {
                self.watches.lists(&listing.watched);
                listing.objects.clear();
            }
            Ok(Event::InitApply(object)) => {
                let Some((pipeline, key)) = keys(&object) else { return Vec::new() };
                listing.objects.insert((pipeline.clone(), key.clone()));
                return self.update(pipeline, key, object);
            }
            Ok(Event::InitDone) => return self.finish(K::NAME, listing),
            Ok(Event::Apply(object)) => {
                let Some((pipeline, key)) = keys(&object) else { return Vec::new() };
                return self.update(pipeline, key, object);
            }
            Ok(Event::Delete(object)) => {
                let Some((pipeline, key)) = keys(&object) else { return Vec::new() };
                self.remove(&pipeline, &key);
                return vec![pipeline];
            }
            Err(error) => self.interrupted(&listing.watched, &error),
        }
        Vec::new()
    }

    fn update<K>(&self, pipeline: PipelineKey, key: ObjectKey, object: Object<K>) -> Vec<PipelineKey> {
        if self.put(pipeline.clone(), key, object.record) { vec![pipeline] } else { Vec::new() }
    }

    /// Removes the objects that a complete list no longer contains.
    fn finish(&self, kind: &'static str, listing: &mut Listing) -> Vec<PipelineKey> {
        let mut changed = Vec::new();
        for (pipeline, key) in self.keys(kind, listing.namespace.as_deref()) {
            if !listing.objects.contains(&(pipeline.clone(), key.clone())) {
                self.remove(&pipeline, &key);
                changed.push(pipeline);
            }
        }
        listing.objects = HashSet::new();
        self.watches.listed(&listing.watched);
        changed
    }

    fn interrupted(&self, watched: &Watched, error: &watcher::Error) {
        let why = error_chain(error);
        self.watches.interrupted(watched, &why);
        warn!(kind = %watched, error = why, "watch on {watched} failed; retrying");
    }
}

fn keys<K: Kind>(object: &Object<K>) -> Option<(PipelineKey, ObjectKey)> {
    let name = object.metadata.labels.as_ref()?.get(INSTANCE)?.clone();
    let pipeline = PipelineKey { namespace: object.namespace()?, name };
    Some((pipeline, (K::NAME, object.name_any())))
}
