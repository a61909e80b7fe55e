//! The control loop: which objects wake it, how often it tries, what it counts.
//!
//! What is done for a pipeline is in [`crate::eventpipeline`].

mod backoff;
mod context;
mod health;
mod metrics;
mod resource_definition;
mod scope;

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventpipeline_crds::EventPipeline;
use eventpipeline_service::{Check, error_chain};
use futures::channel::mpsc::{self, UnboundedReceiver};
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
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

pub(crate) use context::Context;
pub(crate) use metrics::{Metrics, Pipeline};
pub(crate) use scope::Scope;

use crate::eventpipeline::{self, Outcome};
use crate::figures::{self, Observation, Rounds};
use crate::gateway::HTTPRoute;
use crate::inventory::{Need, PipelineKey};
use crate::routes::{Claim, HTTP_ROUTES, INGRESSES};

/// How many pipelines are worked on at once: the calls of each are one after the other.
const CONCURRENCY: u16 = 8;

/// What changes together is looked at once: the children of one apply, the pods of one rollout.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// Everything that matters is watched; this is for what a watch could have missed.
const RESYNC: Duration = Duration::from_mins(5);

/// How long to wait at most before what was refused is tried again.
const REFUSED_AGAIN: Duration = Duration::from_secs(30);

/// How soon to look again at a pipeline that has changed while it was looked at.
const OUTDATED: Duration = Duration::from_secs(1);

/// How often Events are asked for, of objects that wait and say why in Events alone.
const AWAITED: Duration = Duration::from_secs(10);

/// How often to look whether another installation still looks after a pipeline: more often than its Lease ends.
const LEFT: Duration = Duration::from_secs(10);

/// How many pipelines may wait to be reconciled for what was seen of their queues.
const TOLD: usize = 1024;

/// As a kind of objects that are watched.
const PIPELINES: &str = "EventPipeline";

/// A pipeline as the API server has it, whether or not this version understands it.
type Guarded = DeserializeGuard<EventPipeline>;

/// `turns`: pipelines whose turn it is to restart their pods. Runs until told to drain; then what has been begun is finished. `every`: how often a pipeline's queue is looked at.
pub(crate) async fn run(
    context: Arc<Context>,
    scope: Scope,
    every: Duration,
    turns: UnboundedReceiver<PipelineKey>,
    (check, draining): (Check, CancellationToken),
) -> anyhow::Result<()> {
    tokio::select! {
        () = resource_definition::wait(&context.cluster, &scope, &check) => {}
        () = draining.cancelled() => return Ok(()),
    }
    let (store, controller) = watch(&context, &scope);
    let (tell, told) = mpsc::channel(TOLD);
    context.metrics.show(shown(&context, store.clone()))?;
    let rounds = rounds(&context, store, every, tell);
    let controller = controller
        .reconcile_on(in_line(&context, turns))
        .reconcile_on(in_line(&context, told))
        .graceful_shutdown_on(draining.cancelled_owned());
    let health = health::watch(Arc::clone(&context), check);
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
        () = health => Ok(()),
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
        context.routes.follow(&context.inventory, kind, api).boxed()
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
    context.inventory.watches().begun(PIPELINES, Need::Always);
    watcher(api, watcher::Config::default().page_size(100))
        .default_backoff()
        .modify(|pipeline| {
            // Nobody reads it, and it is longer than all the rest.
            pipeline.managed_fields_mut().clear();
        })
        .reflect(writer)
        .inspect(move |event| {
            let watches = context.inventory.watches();
            match event {
                Ok(Event::Init) => watches.lists(PIPELINES),
                Ok(Event::InitDone) => watches.listed(PIPELINES),
                Ok(Event::Apply(pipeline) | Event::InitApply(pipeline)) => wish(&context, pipeline),
                Ok(Event::Delete(_)) => {}
                Err(error) => watches.interrupted(PIPELINES, &error_chain(error)),
            }
            if matches!(event, Ok(Event::Delete(_) | Event::InitDone)) {
                context.retain(|pipeline| store.get(&reference(pipeline.clone())).is_some());
            }
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

async fn reconcile(object: Arc<Guarded>, context: Arc<Context>) -> Result<Action, eventpipeline::Error> {
    // What is not listed yet would look as if it were not there.
    context.inventory.watches().all_listed().await;
    let _active = context.metrics.begun(context::key(&object));
    let started = Instant::now();
    let result =
        Box::pin(eventpipeline::reconcile(&object, &context.operator, context.failures(&object))).await;
    context.metrics.reconciled(started.elapsed(), result.is_ok());
    let outcome = result?;
    context.succeeded(&object);
    let (active, waiting) = context.operator.rollouts();
    context.metrics.rollouts[0].set(i64::try_from(active).unwrap_or(i64::MAX));
    context.metrics.rollouts[1].set(i64::try_from(waiting).unwrap_or(i64::MAX));
    context.metrics.left.set(i64::try_from(context.operator.left_to_others()).unwrap_or(i64::MAX));
    Ok(Action::requeue(match outcome {
        Outcome::Done => RESYNC,
        // No watch tells of it.
        Outcome::Awaiting => AWAITED,
        // Its change will wake us, too.
        Outcome::Outdated => OUTDATED,
        // Nobody tells when the other one goes.
        Outcome::LeftToAnother => LEFT,
    }))
}

#[expect(clippy::needless_pass_by_value, reason = "the controller's signature")]
fn error_policy(object: Arc<Guarded>, error: &eventpipeline::Error, context: Arc<Context>) -> Action {
    context.metrics.queue.retried();
    let wait = context.failed(&object);
    // Nobody tells when a name becomes free, or a rule is changed: whoever has done that waits for us.
    Action::requeue(if error.is_refusal() { wait.min(REFUSED_AGAIN) } else { wait })
}

/// The one place where results become log lines.
fn log(
    result: &Result<(impl std::fmt::Display, Action), ControllerError<eventpipeline::Error, watcher::Error>>,
) {
    match result {
        Ok((pipeline, _)) => debug!(%pipeline, "{pipeline} is reconciled"),
        Err(ControllerError::ReconcilerFailed(error, pipeline)) => {
            warn!(%pipeline, error = error_chain(error), "failed to reconcile {pipeline}");
        }
        // It was deleted while it was waiting for its turn.
        Err(ControllerError::ObjectNotFound(pipeline)) => info!(%pipeline, "{pipeline} is gone"),
        Err(error) => warn!(error = error_chain(error), "the watch is interrupted; it goes on by itself"),
    }
}
