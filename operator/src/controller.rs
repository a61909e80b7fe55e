//! The control loop: which objects wake it, how often it tries, what it counts.
//!
//! What is done for a pipeline is in [`crate::eventpipeline`].

mod backoff;
mod context;
mod metrics;
mod resource_definition;
mod scope;

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventpipeline_crds::EventPipeline;
use eventpipeline_service::{Check, chain};
use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::Ingress;
use kube::core::DeserializeGuard;
use kube::runtime::controller::{Action, Config, Controller, Error as ControllerError};
use kube::runtime::reflector::Store;
use kube::runtime::watcher;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

pub(crate) use context::Context;
pub(crate) use metrics::Metrics;
pub(crate) use scope::Scope;

use crate::eventpipeline::{self, MANAGED_BY_OPERATOR};

/// How many pipelines are worked on at once: the calls of each are one after the other.
const CONCURRENCY: u16 = 8;

/// What changes together is looked at once: the children of one apply, the pods of one rollout.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// Everything that matters is watched; this is for what a watch could have missed.
const RESYNC: Duration = Duration::from_mins(5);

/// A pipeline as the API server has it, whether or not this version understands it.
type Guarded = DeserializeGuard<EventPipeline>;

/// Runs until told to drain; then what has been begun is finished.
pub(crate) async fn run(
    context: Arc<Context>,
    scope: Scope,
    check: Check,
    draining: CancellationToken,
) -> anyhow::Result<()> {
    tokio::select! {
        () = resource_definition::wait(&context.cluster, &scope, &check) => {}
        () = draining.cancelled() => return Ok(()),
    }
    check.not_ready("the pipelines are being listed");
    let controller = watch(&context, &scope).graceful_shutdown_on(draining.cancelled_owned());
    let store = controller.store();
    context.follow(store.clone());
    let reconciled = controller.run(reconcile, error_policy, context).for_each(async |result| log(&result));
    tokio::select! {
        () = reconciled => Ok(()),
        error = listed(store, check) => Err(error),
    }
}

/// Pipelines, and of what they own only the objects that carry our label: memory grows with pipelines, not clusters.
fn watch(context: &Context, scope: &Scope) -> Controller<Guarded> {
    let client = context.cluster.client();
    let owned = || watcher::Config::default().labels(MANAGED_BY_OPERATOR);
    Controller::new(scope.api::<Guarded>(client.clone()), watcher::Config::default())
        .owns(scope.api::<StatefulSet>(client.clone()), owned())
        .owns(scope.api::<Deployment>(client.clone()), owned())
        .owns(scope.api::<Job>(client.clone()), owned())
        .owns(scope.api::<Service>(client.clone()), owned())
        .owns(scope.api::<Ingress>(client), owned())
        .with_config(Config::default().concurrency(CONCURRENCY).debounce(DEBOUNCE))
}

/// Ready once the first list is there. Ends only when it can no longer become so.
async fn listed(store: Store<Guarded>, check: Check) -> anyhow::Error {
    if let Err(error) = store.wait_until_ready().await {
        return anyhow::Error::new(error).context("the list of pipelines ended before it was there");
    }
    check.ready();
    std::future::pending().await
}

async fn reconcile(object: Arc<Guarded>, context: Arc<Context>) -> Result<Action, eventpipeline::Error> {
    let started = Instant::now();
    let result = Box::pin(eventpipeline::reconcile(&object, &context.operator)).await;
    context.metrics.reconciled(started.elapsed(), result.is_ok());
    result?;
    context.succeeded(&object);
    Ok(Action::requeue(RESYNC))
}

#[expect(clippy::needless_pass_by_value, reason = "the controller's signature")]
fn error_policy(object: Arc<Guarded>, _: &eventpipeline::Error, context: Arc<Context>) -> Action {
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
