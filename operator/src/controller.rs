//! The control loop: the watches that trigger reconciliations, retries and metrics.
//!
//! The reconciliation of a pipeline is in [`crate::eventpipeline`].

mod backoff;
mod context;
mod health;
mod metrics;
mod pipelines;
mod resource_definition;
mod scope;

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventpipeline_crds::EventPipeline;
use eventpipeline_service::{Check, error_chain};
use futures::channel::mpsc::{self, UnboundedReceiver};
use futures::stream::select_all;
use futures::{Stream, StreamExt as _, future};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::core::DeserializeGuard;
use kube::runtime::controller::{Action, Config, Controller, Error as ControllerError};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

pub(crate) use context::Context;
pub(crate) use metrics::{ControllerMetrics, Pipeline};
pub(crate) use scope::Scope;

use crate::cache::PipelineKey;
use crate::eventpipeline::{self, Outcome};
use crate::gateway::HTTPRoute;
use crate::queue_stats::{self, Observation, StatsPoller};
use crate::routes::{HTTP_ROUTES, INGRESSES};

/// Maximum number of concurrent reconciliations. Each makes one call at a time.
const CONCURRENCY: u16 = 8;

/// Delay that combines changes into one reconciliation: the children of one apply, the pods of one rollout.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// Interval of reconciliations without a change, in case a watch missed one.
const RESYNC: Duration = Duration::from_mins(5);

/// Longest pause after the API server refused a write.
const REFUSED_RETRY: Duration = Duration::from_secs(30);

/// Pause before reconciling a pipeline that changed during its reconciliation.
const OUTDATED: Duration = Duration::from_secs(1);

/// Interval of reconciliations that wait for an object whose problem is only visible in Events.
const AWAITED: Duration = Duration::from_secs(10);

/// Interval of checks whether another installation still manages a pipeline. It is shorter than a Lease.
const LEFT: Duration = Duration::from_secs(10);

/// Capacity of the channel of reconciliations triggered by queue statistics.
const NEWS_CAPACITY: usize = 1024;

/// A pipeline as the API server returned it, whether or not this version can parse it.
type Guarded = DeserializeGuard<EventPipeline>;

/// Runs until the process drains, then finishes the reconciliations in progress. `every` is the polling interval
/// of queue statistics. `turns` yields the pipelines whose turn it is to restart their pods.
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
    let (tell, news) = mpsc::channel(NEWS_CAPACITY);
    context.metrics.show(shown(&context, store.clone()))?;
    let poller = stats_poller(&context, store, every, tell);
    let controller = controller
        .reconcile_on(enqueue(&context, turns))
        .reconcile_on(enqueue(&context, news))
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
        () = queue_stats::run(poller) => Ok(()),
    }
}

/// Returns a function that lists the pipelines for the metrics.
fn shown(context: &Context, store: Store<Guarded>) -> impl Fn() -> Vec<Pipeline> + use<> {
    let observations = Arc::clone(&context.observations);
    let show = move |pipeline: &Arc<Guarded>| {
        let key = context::key(pipeline);
        let conditions = metrics::Conditions::new(|kind| eventpipeline::condition(&pipeline.0, kind));
        let queue = observations.of(&key).and_then(|observation| observation.queue.ok());
        Pipeline { key, conditions, queue }
    };
    move || store.state().iter().map(&show).collect()
}

/// Creates the poller of queue statistics. It sends pipelines to reconcile to `tell`.
fn stats_poller(
    context: &Context,
    store: Store<Guarded>,
    every: Duration,
    tell: mpsc::Sender<PipelineKey>,
) -> StatsPoller<impl Fn() -> Vec<PipelineKey> + use<>, impl Fn(&PipelineKey, &Observation) -> bool + use<>> {
    let all = store.clone();
    let pipelines = move || all.state().iter().map(|pipeline| context::key(pipeline)).collect();
    let is_news = move |key: &PipelineKey, seen: &Observation| {
        let pipeline = store.get(&reference(key.clone()));
        let pipeline = pipeline.as_ref().and_then(|pipeline| pipeline.0.as_ref().ok());
        pipeline.is_some_and(|pipeline| eventpipeline::is_news(pipeline, seen))
    };
    let (observations, cache) = (Arc::clone(&context.observations), Arc::clone(&context.cache));
    StatsPoller { observations, cache, every, pipelines, is_news, tell }
}

/// Watches pipelines, and of their objects only those that carry our label, so that memory grows with the
/// number of pipelines and not with the cluster.
fn watch(context: &Arc<Context>, scope: &Scope) -> (Store<Guarded>, Controller<Guarded>) {
    let client = context.cluster.client();
    let (store, writer) = reflector::store();
    let pipelines = pipelines::watch(scope.apis(&client), writer, &store, context);
    let routes = scope.apis(&client).into_iter();
    let routes = routes.map(|api| context.cache.watch_once_served::<HTTPRoute>(api).boxed());
    let others = [INGRESSES, HTTP_ROUTES].into_iter().flat_map(|kind| {
        let apis = scope.dynamic(&client, &kind.resource()).into_iter();
        apis.map(move |api| context.routes.watch(&context.cache, kind, api).boxed())
    });
    let mut controller = Controller::for_stream(pipelines, store.clone())
        .reconcile_on(enqueue(context, known(&store, select_all(routes))))
        .reconcile_on(enqueue(context, known(&store, select_all(others))))
        .with_config(Config::default().concurrency(CONCURRENCY).debounce(DEBOUNCE));
    macro_rules! watch {
        ($($kind:ty),* $(,)?) => {$(
            let objects = scope.apis(&client).into_iter().map(|api| context.cache.watch::<$kind>(api).boxed());
            controller = controller.reconcile_on(enqueue(context, known(&store, select_all(objects))));
        )*};
    }
    watch!(
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

/// Drops pipelines that are not stored: deleted ones, and those of a namespace that is still being listed.
fn known(
    store: &Store<Guarded>,
    pipelines: impl Stream<Item = PipelineKey> + Send + 'static,
) -> impl Stream<Item = PipelineKey> + Send + 'static {
    let store = store.clone();
    pipelines.filter(move |pipeline| future::ready(store.get(&reference(pipeline.clone())).is_some()))
}

/// Turns pipelines into reconcile requests and counts them.
fn enqueue(
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
    // Objects that are not listed yet would seem to be missing.
    context.cache.watches().all_listed(&context::key(&object).namespace).await;
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
        // No watch reports it.
        Outcome::Awaiting => AWAITED,
        // The change triggers a reconciliation as well.
        Outcome::Outdated => OUTDATED,
        // Nothing reports that the other installation has ended.
        Outcome::LeftToAnother => LEFT,
    }))
}

#[expect(clippy::needless_pass_by_value, reason = "the controller's signature")]
fn error_policy(object: Arc<Guarded>, error: &eventpipeline::Error, context: Arc<Context>) -> Action {
    context.metrics.queue.retried();
    let wait = context.failed(&object);
    // Nothing reports that a name has become free or a policy was changed, and the person who did that is
    // waiting.
    Action::requeue(if error.is_refusal() { wait.min(REFUSED_RETRY) } else { wait })
}

/// Logs the result of a reconciliation. Results are logged nowhere else.
fn log(
    result: &Result<(impl std::fmt::Display, Action), ControllerError<eventpipeline::Error, watcher::Error>>,
) {
    match result {
        Ok((pipeline, _)) => debug!(%pipeline, "reconciled {pipeline}"),
        Err(ControllerError::ReconcilerFailed(error, pipeline)) => {
            warn!(%pipeline, error = error_chain(error), "failed to reconcile {pipeline}");
        }
        // The pipeline was deleted while it was queued.
        Err(ControllerError::ObjectNotFound(pipeline)) => info!(%pipeline, "{pipeline} was deleted"),
        Err(error) => warn!(error = error_chain(error), "watch failed; retrying"),
    }
}
