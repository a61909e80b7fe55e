//! Keeps the inventory of a kind up to date, and says which pipelines that concerns.

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

use super::record::{Kind, Watched};
use super::{Inventory, Need, ObjectKey, PipelineKey};
use crate::eventpipeline::{INSTANCE, MANAGED_BY_OPERATOR};

/// Small pages: what is kept of an object is a tenth of what is read.
const PAGE: u32 = 100;

/// How soon to ask again for a kind that could not be asked for, at first and at most.
const AGAIN: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];

/// What a list has shown so far.
type Listing = HashSet<(PipelineKey, ObjectKey)>;

impl Inventory {
    /// Watches the objects of a kind that carry our label. Each pipeline that it gives has something new.
    pub(crate) fn follow<K: Kind>(
        self: &Arc<Self>,
        api: Api<Watched<K>>,
    ) -> impl Stream<Item = PipelineKey> + Send + use<K> {
        self.watches.begun(K::NAME, Need::Always);
        self.watch(api)
    }

    /// Likewise, of a kind that the API server may not know yet, once it does. Nobody waits for its list.
    pub(crate) fn follow_once_served<K: Kind>(
        self: &Arc<Self>,
        api: Api<Watched<K>>,
    ) -> impl Stream<Item = PipelineKey> + Send + use<K> {
        self.watches.begun(K::NAME, Need::IfServed);
        let inventory = Arc::clone(self);
        let served = async move {
            inventory.served(&api).await;
            inventory.watch(api)
        };
        stream::once(served).flatten()
    }

    /// Returns once the API server knows the kind: whatever else it answers says nothing of that.
    async fn served<K: Kind>(&self, api: &Api<Watched<K>>) {
        let [mut pause, longest] = AGAIN;
        let one = ListParams::default().limit(1);
        loop {
            match api.list_metadata(&one).await {
                Ok(_) => return,
                Err(kube::Error::Api(status)) if status.code == 404 => pause = longest,
                Err(error) => {
                    self.watches.interrupted(K::NAME, &error_chain(&error));
                    warn!(
                        kind = K::NAME,
                        error = error_chain(&error),
                        "failed to ask for {}; it is tried again",
                        K::NAME
                    );
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    fn watch<K: Kind>(
        self: &Arc<Self>,
        api: Api<Watched<K>>,
    ) -> impl Stream<Item = PipelineKey> + Send + use<K> {
        self.followed().insert(K::NAME, ApiResource::erase::<K>(&()));
        let config = watcher::Config::default().labels(MANAGED_BY_OPERATOR).page_size(PAGE);
        let inventory = Arc::clone(self);
        let mut listing = Listing::new();
        watcher(api, config)
            .default_backoff()
            .map(move |event| inventory.take(event, &mut listing))
            .flat_map(stream::iter)
    }

    fn take<K: Kind>(
        &self,
        event: watcher::Result<Event<Watched<K>>>,
        listing: &mut Listing,
    ) -> Vec<PipelineKey> {
        match event {
            Ok(Event::Init) => {
                self.watches.lists(K::NAME);
                listing.clear();
            }
            Ok(Event::InitApply(object)) => {
                let Some((pipeline, key)) = keys(&object) else { return Vec::new() };
                listing.insert((pipeline.clone(), key.clone()));
                return self.put_and_tell(pipeline, key, object);
            }
            Ok(Event::InitDone) => return self.finish(K::NAME, listing),
            Ok(Event::Apply(object)) => {
                let Some((pipeline, key)) = keys(&object) else { return Vec::new() };
                return self.put_and_tell(pipeline, key, object);
            }
            Ok(Event::Delete(object)) => {
                let Some((pipeline, key)) = keys(&object) else { return Vec::new() };
                self.remove(&pipeline, &key);
                return vec![pipeline];
            }
            Err(error) => self.interrupted(K::NAME, &error),
        }
        Vec::new()
    }

    fn put_and_tell<K>(&self, pipeline: PipelineKey, key: ObjectKey, object: Watched<K>) -> Vec<PipelineKey> {
        if self.put(pipeline.clone(), key, object.record) { vec![pipeline] } else { Vec::new() }
    }

    /// The list is complete: what it did not show has gone while nobody watched.
    fn finish(&self, kind: &'static str, listing: &mut Listing) -> Vec<PipelineKey> {
        let mut concerned = Vec::new();
        for (pipeline, key) in self.keys(kind) {
            if !listing.contains(&(pipeline.clone(), key.clone())) {
                self.remove(&pipeline, &key);
                concerned.push(pipeline);
            }
        }
        *listing = Listing::new();
        self.watches.listed(kind);
        concerned
    }

    fn interrupted(&self, kind: &'static str, error: &watcher::Error) {
        let why = error_chain(error);
        self.watches.interrupted(kind, &why);
        warn!(kind, error = why, "the watch of {kind} is interrupted; it goes on by itself");
    }
}

fn keys<K: Kind>(object: &Watched<K>) -> Option<(PipelineKey, ObjectKey)> {
    let name = object.metadata.labels.as_ref()?.get(INSTANCE)?.clone();
    let pipeline = PipelineKey { namespace: object.namespace()?, name };
    Some((pipeline, (K::NAME, object.name_any())))
}
