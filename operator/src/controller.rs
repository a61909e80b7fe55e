//! The control loop: which objects wake it, how often it tries, what it counts.
//!
//! What is done for a pipeline is in [`crate::eventpipeline`].

mod backoff;
mod context;
mod metrics;
mod resource_definition;
mod scope;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventpipeline_crds::EventPipeline;
use eventpipeline_service::{Check, chain};
use futures::channel::mpsc;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::controller::{Action, Config, Controller, Error as ControllerError};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt as _};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

pub(crate) use context::Context;
pub(crate) use metrics::{Metrics, Pipeline};
pub(crate) use scope::Scope;

use crate::eventpipeline;
use crate::figures::{self, Observation, Rounds};
use crate::gateway::HTTPRoute;
use crate::inventory::PipelineKey;
use crate::routes::{Claim, HTTP_ROUTES, INGRESSES};

/// How many pipelines are worked on at once: the calls of each are one after the other.
const CONCURRENCY: u16 = 8;

/// What changes together is looked at once: the children of one apply, the pods of one rollout.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// Everything that matters is watched; this is for what a watch could have missed.
const RESYNC: Duration = Duration::from_mins(5);

/// How many pipelines may wait to be reconciled for what was seen of their queues.
const TOLD: usize = 1024;

/// A pipeline as the API server has it, whether or not this version understands it.
type Guarded = DeserializeGuard<EventPipeline>;

/// Runs until told to drain; then what has been begun is finished. `every`: how often a pipeline's queue is looked at.
pub(crate) async fn run(
    context: Arc<Context>,
    scope: Scope,
    every: Duration,
    check: Check,
    draining: CancellationToken,
) -> anyhow::Result<()> {
    tokio::select! {
        () = resource_definition::wait(&context.cluster, &scope, &check) => {}
        () = draining.cancelled() => return Ok(()),
    }
    check.not_ready("the pipelines are being listed");
    let (store, controller) = watch(&context, &scope);
    let (tell, told) = mpsc::channel(TOLD);
    context.metrics.show(shown(&context, store.clone()))?;
    let rounds = rounds(&context, store.clone(), every, tell);
    let controller =
        controller.reconcile_on(in_line(&context, told)).graceful_shutdown_on(draining.cancelled_owned());
    let listed = listed(store, context.inventory.missing(), check);
    let queue = context.metrics.queue.clone();
    let reconciled = controller.run(reconcile, error_policy, context).for_each(async |result| {
        if let Err(ControllerError::ObjectNotFound(gone)) = &result {
            let ObjectRef { name, namespace, .. } = gone.as_ref();
            let namespace = namespace.clone().unwrap_or_default();
            queue.forget(&PipelineKey { namespace, name: name.clone() });
        }
        log(&result);
    });
    tokio::select! {
        () = reconciled => Ok(()),
        error = listed => Err(error),
        () = figures::run(rounds) => Ok(()),
    }
}

/// The pipelines as the metrics show them.
fn shown(context: &Context, store: Store<Guarded>) -> impl Fn() -> Vec<Pipeline> + use<> {
    let figures = Arc::clone(&context.figures);
    let show = move |pipeline: &Arc<Guarded>| {
        let key = context::key(pipeline);
        let conditions = metrics::Conditions::new(|kind| eventpipeline::condition(&pipeline.0, kind));
        let queue = figures.of(&key).and_then(|observation| observation.queue.ok());
        Pipeline { key, conditions, queue }
    };
    move || store.state().iter().map(&show).collect()
}

/// Asks the queues of all pipelines, and tells when a reconcile is due for what was seen.
fn rounds(
    context: &Context,
    store: Store<Guarded>,
    every: Duration,
    tell: mpsc::Sender<PipelineKey>,
) -> Rounds<impl Fn() -> Vec<PipelineKey> + use<>, impl Fn(&PipelineKey, &Observation) -> bool + use<>> {
    let all = store.clone();
    let pipelines = move || all.state().iter().map(|pipeline| context::key(pipeline)).collect();
    let is_news = move |key: &PipelineKey, seen: &Observation| {
        let pipeline = store.get(&reference(key.clone()));
        let pipeline = pipeline.as_ref().and_then(|pipeline| pipeline.0.as_ref().ok());
        pipeline.is_some_and(|pipeline| eventpipeline::is_news(pipeline, seen))
    };
    let (figures, inventory) = (Arc::clone(&context.figures), Arc::clone(&context.inventory));
    Rounds { figures, inventory, every, pipelines, is_news, tell }
}

/// Pipelines, and of what they own only the objects that carry our label: memory grows with pipelines, not clusters.
fn watch(context: &Arc<Context>, scope: &Scope) -> (Store<Guarded>, Controller<Guarded>) {
    let client = context.cluster.client();
    let (store, writer) = reflector::store();
    let pipelines = pipelines(scope.api(client.clone()), writer, store.clone(), context);
    let routes = context.inventory.follow_once_served::<HTTPRoute>(scope.api(client.clone()));
    let places = [INGRESSES, HTTP_ROUTES].map(|kind| {
        let api = scope.dynamic(client.clone(), &kind.resource());
        context.routes.follow(kind, api).boxed()
    });
    let mut controller = Controller::for_stream(pipelines, store.clone())
        .reconcile_on(in_line(context, routes))
        .reconcile_on(in_line(context, futures::stream::select_all(places)))
        .with_config(Config::default().concurrency(CONCURRENCY).debounce(DEBOUNCE));
    macro_rules! follow {
        ($($kind:ty),* $(,)?) => {$(
            let objects = context.inventory.follow::<$kind>(scope.api(client.clone()));
            controller = controller.reconcile_on(in_line(context, objects));
        )*};
    }
    follow!(
        StatefulSet,
        Deployment,
        Job,
        Pod,
        PersistentVolumeClaim,
        Service,
        Ingress,
        NetworkPolicy,
        PodDisruptionBudget,
        HorizontalPodAutoscaler,
    );
    (store, controller)
}

/// The pipelines that changed. What was kept of others for one that has gone is forgotten.
fn pipelines(
    api: Api<Guarded>,
    writer: Writer<Guarded>,
    store: Store<Guarded>,
    context: &Arc<Context>,
) -> impl Stream<Item = watcher::Result<Guarded>> + use<> {
    let (context, queue) = (Arc::clone(context), context.metrics.queue.clone());
    watcher(api, watcher::Config::default().page_size(100))
        .default_backoff()
        .modify(|pipeline| {
            // Nobody reads it, and it is longer than all the rest.
            pipeline.managed_fields_mut().clear();
        })
        .reflect(writer)
        .inspect(move |event| match event {
            Ok(Event::Apply(pipeline) | Event::InitApply(pipeline)) => wish(&context, pipeline),
            Ok(Event::Delete(_) | Event::InitDone) => {
                context.retain(|pipeline| store.get(&reference(pipeline.clone())).is_some());
            }
            Ok(Event::Init) | Err(_) => {}
        })
        .applied_objects()
        .inspect_ok(move |pipeline| queue.added(context::key(pipeline)))
}

/// Notes which host and path the pipeline asks for. One that can't be read asks for none.
fn wish(context: &Context, pipeline: &Guarded) {
    let key = context::key(pipeline);
    let created = pipeline.creation_timestamp().map(|created| created.0).unwrap_or_default();
    let route = pipeline.0.as_ref().ok().and_then(|pipeline| pipeline.spec.route.as_ref());
    let claims = Claim::of_route(&key.namespace, route);
    context.routes.wish(key, created, claims);
}

/// The pipelines as what the controller puts in line, counted.
fn in_line(
    context: &Context,
    pipelines: impl Stream<Item = PipelineKey> + Send + 'static,
) -> impl Stream<Item = ObjectRef<Guarded>> + Send + 'static {
    let queue = context.metrics.queue.clone();
    pipelines.inspect(move |pipeline| queue.added(pipeline.clone())).map(reference)
}

fn reference(PipelineKey { namespace, name }: PipelineKey) -> ObjectRef<Guarded> {
    ObjectRef::new(&name).within(&namespace)
}

/// Ready once all first lists are there. Ends only when it can no longer become so.
async fn listed(
    store: Store<Guarded>,
    mut missing: watch::Receiver<BTreeMap<&'static str, String>>,
    check: Check,
) -> anyhow::Error {
    if let Err(error) = store.wait_until_ready().await {
        return anyhow::Error::new(error).context("the list of pipelines ended before it was there");
    }
    loop {
        let why = missing.borrow_and_update().first_key_value().map(|(kind, why)| format!("{kind}: {why}"));
        match why {
            None => break,
            Some(why) => check.not_ready(why),
        }
        if let Err(error) = missing.changed().await {
            return anyhow::Error::new(error).context("the lists of objects ended before they were there");
        }
    }
    check.ready();
    std::future::pending().await
}

async fn reconcile(object: Arc<Guarded>, context: Arc<Context>) -> Result<Action, eventpipeline::Error> {
    // What is not listed yet would look as if it were not there.
    context.inventory.listed().await;
    context.routes.listed().await;
    let _active = context.metrics.begun(context::key(&object));
    let started = Instant::now();
    let result = Box::pin(eventpipeline::reconcile(&object, &context.operator)).await;
    context.metrics.reconciled(started.elapsed(), result.is_ok());
    let again = result?;
    context.succeeded(&object);
    Ok(Action::requeue(again.unwrap_or(RESYNC)))
}

#[expect(clippy::needless_pass_by_value, reason = "the controller's signature")]
fn error_policy(object: Arc<Guarded>, _: &eventpipeline::Error, context: Arc<Context>) -> Action {
    context.metrics.queue.retried();
    Action::requeue(context.failed(&object))
}

/// The one place where results become log lines.
fn log(
    result: &Result<(impl std::fmt::Display, Action), ControllerError<eventpipeline::Error, watcher::Error>>,
) {
    match result {
        Ok((pipeline, _)) => debug!(%pipeline, "{pipeline} is reconciled"),
        Err(ControllerError::ReconcilerFailed(error, pipeline)) => {
            warn!(%pipeline, error = chain(error), "failed to reconcile {pipeline}");
        }
        // It was deleted while it was waiting for its turn.
        Err(ControllerError::ObjectNotFound(pipeline)) => info!(%pipeline, "{pipeline} is gone"),
        Err(error) => warn!(error = chain(error), "the watch is interrupted; it goes on by itself"),
    }
}
