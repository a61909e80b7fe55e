//! The claims of a group's consumers, which decide how far to scale in and which consumers to remove first.

use std::time::Duration;

use eventpipeline_service::error_chain;
use futures::{StreamExt as _, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::admin_client;
use crate::api::Cluster;
use crate::cache::{DELETION_COST, PipelineKey};
use crate::pods;

/// Time limit for one consumer, which answers from memory.
const LIMIT: Duration = Duration::from_secs(2);
/// Time limit for all consumers of a group.
const ALL: Duration = Duration::from_secs(5);
/// Number of concurrent requests.
const AT_ONCE: usize = 64;
/// Maximum cost of a consumer.
const MAX_COST: i64 = 1_000_000;

/// A consumer's claims that are not settled yet.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Work {
    pub(super) events: i64,
    /// Age of the oldest claim.
    pub(super) oldest_seconds: f64,
}

/// The pod of a consumer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Consumer {
    pub(super) pod: String,
    pub(super) uid: String,
    /// Its current deletion cost.
    pub(super) cost: Option<String>,
    /// Its claims; `None` if it does not report them, like some programs in other languages.
    pub(super) work: Option<Work>,
}

/// Asks the consumers for their claims.
pub(super) async fn read(pods: Vec<Pod>) -> Vec<Consumer> {
    let deadline = Instant::now() + ALL;
    let asked = pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).map(async |pod| {
        let limit = LIMIT.min(deadline.saturating_duration_since(Instant::now()));
        Consumer {
            work: ask(&pod, limit).await,
            cost: pod.annotations().get(DELETION_COST).cloned(),
            uid: pod.uid().unwrap_or_default(),
            pod: pod.name_any(),
        }
    });
    stream::iter(asked).buffer_unordered(AT_ONCE).collect().await
}

async fn ask(pod: &Pod, limit: Duration) -> Option<Work> {
    match admin_client::get(pods::address(pod)?, "/work", limit).await {
        Ok(work) => Some(work),
        Err(error) => {
            let (name, why) = (pod.name_any(), error_chain(&error));
            debug!(pod = name, error = why, "consumer {name} does not report its claims");
            None
        }
    }
}

/// Returns how many consumers must stay: those with an event that may not end within the grace period, or
/// enough slots for all claimed events, whichever is more.
///
/// Quick events hold up no scale-in, because a consumer finishes them after SIGTERM. An event that has taken
/// a quarter of `grace_seconds` may take all of it.
pub(super) fn needed(consumers: &[Consumer], concurrency: i32, grace_seconds: i64) -> i32 {
    let works = || consumers.iter().filter_map(|consumer| consumer.work);
    let slow = Duration::from_secs(grace_seconds.unsigned_abs()).as_secs_f64() / 4.0;
    let busy = works().filter(|work| work.events > 0 && work.oldest_seconds >= slow).count();
    let events: i64 = works().map(|work| work.events.clamp(0, MAX_COST)).sum();
    let slots = i64::from(concurrency.max(1));
    let busy = i32::try_from(busy).unwrap_or(i32::MAX);
    busy.max(i32::try_from((events + slots - 1) / slots).unwrap_or(i32::MAX))
}

/// Returns the deletion cost of each consumer where it differs from the current one. An idle consumer has
/// none.
pub(super) fn costs(consumers: &[Consumer]) -> Vec<(&Consumer, Option<String>)> {
    let cost = |consumer: &Consumer| match consumer.work {
        None => Some(1),
        Some(work) => Some(work.events.clamp(0, MAX_COST)).filter(|events| *events > 0),
    };
    consumers
        .iter()
        .map(|consumer| (consumer, cost(consumer).map(|cost| cost.to_string())))
        .filter(|(consumer, cost)| consumer.cost != *cost)
        .collect()
}

/// Marks the consumers with their deletion costs. One that could not be marked may be removed before an idle
/// one, but still finishes its events.
pub(super) async fn mark(cluster: &Cluster, pipeline: &PipelineKey, consumers: &[Consumer]) {
    for (Consumer { pod, uid, .. }, cost) in costs(consumers) {
        let patch = json!({"metadata": {"annotations": {DELETION_COST: cost}}});
        match cluster.merge::<Pod>(&pipeline.namespace, (pod, uid), patch).await {
            Ok(()) => {}
            // The pod has been deleted.
            Err(error) if error.not_found() || error.conflict() => {}
            Err(error) => {
                warn!(pod, error = error_chain(&error), "failed to mark consumer {pod} for a scale-in");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consumer(pod: &str, cost: Option<&str>, work: Option<(i64, f64)>) -> Consumer {
        let work = work.map(|(events, oldest_seconds)| Work { events, oldest_seconds });
        Consumer { pod: pod.to_owned(), uid: "1".to_owned(), cost: cost.map(str::to_owned), work }
    }

    #[test]
    fn consumers_with_slow_events_stay_and_slots_for_the_others() {
        let work = |works: &[(i64, f64)]| -> Vec<Consumer> {
            works.iter().map(|work| consumer("a", None, Some(*work))).collect()
        };
        let three = work(&[(1, 15.0), (1, 300.0), (1, 14.9), (0, 0.0)]);
        assert_eq!(needed(&three, 16, 60), 2);
        let quick = work(&[(16, 0.1), (16, 0.1), (1, 0.1)]);
        assert_eq!(needed(&quick, 16, 60), 3);
        assert_eq!(needed(&work(&[(3, 0.1), (3, 0.1)]), 16, 60), 1);
        assert_eq!(needed(&[consumer("a", None, None)], 16, 60), 0);
        assert_eq!(needed(&work(&[(i64::MAX, 0.0), (i64::MIN, 0.0)]), 0, 60), 1_000_000);
    }

    #[test]
    fn idle_consumers_cost_nothing_and_only_changes_are_written() {
        let consumers = [
            consumer("idle", None, Some((0, 0.0))),
            consumer("was-busy", Some("7"), Some((0, 0.0))),
            consumer("busy", None, Some((3, 0.0))),
            consumer("busy-still", Some("3"), Some((3, 0.0))),
            consumer("silent", None, None),
        ];
        let costs = costs(&consumers);
        let costs: Vec<_> = costs.iter().map(|(of, cost)| (of.pod.as_str(), cost.as_deref())).collect();
        assert_eq!(costs, [("was-busy", None), ("busy", Some("3")), ("silent", Some("1"))]);
    }
}
