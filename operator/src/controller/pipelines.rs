//! The watch of the pipelines, in all namespaces of the scope.

use std::collections::HashSet;
use std::sync::Arc;

use eventpipeline_service::error_chain;
use futures::stream::{self, BoxStream, select_all};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::reflector::Store;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt as _};

use super::{Context, Guarded, context, reference};
use crate::cache::{Need, PipelineKey, Watched, Watches};
use crate::routes::Claim;

/// Kind of the pipelines in the health of the watches.
const PIPELINES: &str = "EventPipeline";

/// Yields the pipelines that changed, and drops the state of deleted ones.
pub(super) fn watch(
    apis: Vec<Api<Guarded>>,
    writer: Writer<Guarded>,
    store: &Store<Guarded>,
    context: &Arc<Context>,
) -> impl Stream<Item = watcher::Result<Guarded>> + use<> {
    let watches = apis.into_iter().map(|api| within(api, store.clone(), context));
    // A list of one namespace would replace the pipelines of all others.
    let empty = stream::iter([Ok(Event::Init), Ok(Event::InitDone)]);
    let events = empty.chain(select_all(watches));
    let (context, queue, store) = (Arc::clone(context), context.metrics.queue.clone(), store.clone());
    events
        .reflect(writer)
        .inspect(move |event| match event {
            Ok(Event::Apply(pipeline)) => request_route(&context, pipeline),
            Ok(Event::Delete(_)) => {
                context.retain(|pipeline| store.get(&reference(pipeline.clone())).is_some());
            }
            _ => {}
        })
        .applied_objects()
        .inspect_ok(move |pipeline| queue.added(context::key(pipeline)))
}

/// Yields the changes in the namespace of `api`, without the limits of lists.
fn within(
    api: Api<Guarded>,
    store: Store<Guarded>,
    context: &Arc<Context>,
) -> BoxStream<'static, watcher::Result<Event<Guarded>>> {
    let context = Arc::clone(context);
    let namespace = api.namespace().map(str::to_owned);
    let watched = Watched::new(PIPELINES, api.namespace());
    context.cache.watches().begun(&watched, Need::Always);
    let mut listing = HashSet::new();
    let events = watcher(api, watcher::Config::default().page_size(100)).default_backoff();
    let events = events.modify(|pipeline| {
        // They are not used, and are longer than all the rest.
        pipeline.managed_fields_mut().clear();
    });
    let changes = events.map(move |event| {
        report(context.cache.watches(), &watched, &event);
        stream::iter(changes(event, &mut listing, || stored(&store, namespace.as_deref())))
    });
    changes.flatten().boxed()
}

/// Records the health of the watch.
fn report(watches: &Watches, of: &Watched, event: &watcher::Result<Event<Guarded>>) {
    match event {
        Ok(Event::Init) => watches.lists(of),
        Ok(Event::InitDone) => watches.listed(of),
        Err(error) => watches.interrupted(of, &error_chain(error)),
        Ok(Event::Apply(_) | Event::InitApply(_) | Event::Delete(_)) => {}
    }
}

/// Turns a list into changes of what is stored. `listing` contains the pipelines since the start of the list.
fn changes(
    event: watcher::Result<Event<Guarded>>,
    listing: &mut HashSet<PipelineKey>,
    stored: impl FnOnce() -> Vec<Arc<Guarded>>,
) -> Vec<watcher::Result<Event<Guarded>>> {
    match event {
        Ok(Event::Init) => {
            listing.clear();
            Vec::new()
        }
        Ok(Event::InitApply(pipeline)) => {
            listing.insert(context::key(&pipeline));
            vec![Ok(Event::Apply(pipeline))]
        }
        Ok(Event::InitDone) => {
            let gone = stored().into_iter().filter(|pipeline| !listing.contains(&context::key(pipeline)));
            gone.map(|pipeline| Ok(Event::Delete(Guarded::clone(&pipeline)))).collect()
        }
        event => vec![event],
    }
}

/// Returns the stored pipelines of the namespace, or of all namespaces.
fn stored(store: &Store<Guarded>, namespace: Option<&str>) -> Vec<Arc<Guarded>> {
    let all = store.state().into_iter();
    all.filter(|pipeline| namespace.is_none() || pipeline.namespace().as_deref() == namespace).collect()
}

/// Records the hosts and paths that the pipeline requests. A pipeline that cannot be parsed requests none.
fn request_route(context: &Context, pipeline: &Guarded) {
    let key = context::key(pipeline);
    let created = pipeline.creation_timestamp().map(|created| created.0).unwrap_or_default();
    let route = pipeline.0.as_ref().ok().and_then(|pipeline| pipeline.spec.route.as_ref());
    let claims = Claim::of_route(&key.namespace, route);
    context.routes.request(key, created, claims);
}
