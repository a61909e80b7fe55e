//! Keeps the inventory of a kind up to date, and says which pipelines that concerns.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use eventpipeline_service::chain;
use futures::{Stream, StreamExt as _, stream};
use kube::api::ListParams;
use kube::core::ApiResource;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt as _};
use tracing::warn;

use super::record::{Kind, Watched};
use super::{Inventory, ObjectKey, PipelineKey};
use crate::eventpipeline::{INSTANCE, MANAGED_BY_OPERATOR};

/// Small pages: what is kept of an object is a tenth of what is read.
const PAGE: u32 = 100;

/// How often to ask for a kind that the API server does not know.
const SERVED_YET: Duration = Duration::from_mins(1);

/// What a list has shown so far.
type Listing = HashSet<(PipelineKey, ObjectKey)>;

impl Inventory {
    /// Watches the objects of a kind that carry our label. Each pipeline that it gives has something new.
    pub(crate) fn follow<K: Kind>(
        self: &Arc<Self>,
        api: Api<Watched<K>>,
    ) -> impl Stream<Item = PipelineKey> + Send + use<K> {
        self.followed().insert(K::NAME, ApiResource::erase::<K>(&()));
        self.missing.send_modify(|missing| {
            missing.insert(K::NAME, "is being listed".to_owned());
        });
        let config = watcher::Config::default().labels(MANAGED_BY_OPERATOR).page_size(PAGE);
        let inventory = Arc::clone(self);
        let mut listing = Listing::new();
        watcher(api, config)
            .default_backoff()
            .map(move |event| inventory.take(event, &mut listing))
            .flat_map(stream::iter)
    }

    /// Likewise, of a kind that the API server may not know yet, once it does.
    pub(crate) fn follow_once_served<K: Kind>(
        self: &Arc<Self>,
        api: Api<Watched<K>>,
    ) -> impl Stream<Item = PipelineKey> + Send + use<K> {
        let inventory = Arc::clone(self);
        let served = async move {
            while let Err(kube::Error::Api(status)) = api.list_metadata(&ListParams::default().limit(1)).await
                && status.code == 404
            {
                tokio::time::sleep(SERVED_YET).await;
            }
            inventory.follow(api)
        };
        stream::once(served).flatten()
    }

    fn take<K: Kind>(
        &self,
        event: watcher::Result<Event<Watched<K>>>,
        listing: &mut Listing,
    ) -> Vec<PipelineKey> {
        match event {
            Ok(Event::Init) => listing.clear(),
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
        self.missing.send_modify(|missing| {
            missing.remove(kind);
        });
        concerned
    }

    fn interrupted(&self, kind: &'static str, error: &watcher::Error) {
        let why = chain(error);
        warn!(kind, error = why, "the watch of {kind}s is interrupted; it goes on by itself");
        self.missing.send_if_modified(|missing| match missing.get_mut(kind) {
            Some(reason) if *reason != why => {
                *reason = why;
                true
            }
            _ => false,
        });
    }
}

fn keys<K: Kind>(object: &Watched<K>) -> Option<(PipelineKey, ObjectKey)> {
    let name = object.metadata.labels.as_ref()?.get(INSTANCE)?.clone();
    let pipeline = PipelineKey { namespace: object.namespace()?, name };
    Some((pipeline, (K::NAME, object.name_any())))
}
