//! Polls the producers of all pipelines.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use eventpipeline_service::error_chain;
use futures::StreamExt as _;
use futures::channel::mpsc;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::debug;

use super::{Observation, Observations, QueueStats, Storage, Unknown};
use crate::admin_client;
use crate::cache::{ObjectCache, PipelineKey};
use crate::labels::Component;
use crate::pods;

/// Timeout of a request. A producer counts the pending events in the database, which may be busy.
const LIMIT: Duration = Duration::from_secs(5);
/// Maximum number of pipelines that are polled at once. It is high so that pipelines that do not answer
/// hardly delay others.
const AT_ONCE: usize = 32;
/// Maximum number of producers that are asked per poll of a pipeline.
const TRIES: usize = 2;
/// Interval of the check for pipelines that are due.
const TICK: Duration = Duration::from_secs(1);

/// The polling task.
pub(crate) struct StatsPoller<L, N> {
    pub(crate) observations: Arc<Observations>,
    pub(crate) cache: Arc<ObjectCache>,
    /// Polling interval of each pipeline.
    pub(crate) every: Duration,
    /// Lists the existing pipelines.
    pub(crate) pipelines: L,
    /// Returns whether an observation calls for a reconciliation.
    pub(crate) is_news: N,
    /// Receives the pipelines to reconcile.
    pub(crate) tell: mpsc::Sender<PipelineKey>,
}

/// Polls forever, at most [`AT_ONCE`] pipelines at a time.
pub(crate) async fn run<L, N>(mut poller: StatsPoller<L, N>)
where
    L: Fn() -> Vec<PipelineKey>,
    N: Fn(&PipelineKey, &Observation) -> bool,
{
    let mut last_polled: HashMap<PipelineKey, Instant> = HashMap::new();
    let mut waiting: VecDeque<PipelineKey> = VecDeque::new();
    let mut polling = FuturesUnordered::new();
    let mut ticks = interval(TICK.min(poller.every));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let pipelines: HashSet<_> = (poller.pipelines)().into_iter().collect();
                last_polled.retain(|pipeline, _| pipelines.contains(pipeline));
                for pipeline in pipelines {
                    if poller.is_due(&pipeline, &last_polled) {
                        last_polled.insert(pipeline.clone(), Instant::now());
                        waiting.push_back(pipeline);
                    }
                }
            }
            Some((pipeline, observation)) = polling.next() => poller.observed(pipeline, observation),
        }
        while polling.len() < AT_ONCE
            && let Some(pipeline) = waiting.pop_front()
        {
            polling.push(observe(Arc::clone(&poller.cache), pipeline));
        }
    }
}

impl<L, N> StatsPoller<L, N>
where
    N: Fn(&PipelineKey, &Observation) -> bool,
{
    /// Returns whether the interval has passed, or the first producer has become ready.
    fn is_due(&self, pipeline: &PipelineKey, last_polled: &HashMap<PipelineKey, Instant>) -> bool {
        let first_is_ready = || {
            let last = self.observations.of(pipeline).map(|observation| observation.queue);
            matches!(last, Some(Err(Unknown::NoProducer)))
                && !ready_producers(&self.cache, pipeline).is_empty()
        };
        last_polled.get(pipeline).is_none_or(|last| last.elapsed() >= self.every || first_is_ready())
    }

    fn observed(&mut self, pipeline: PipelineKey, observation: Observation) {
        let is_news = (self.is_news)(&pipeline, &observation);
        self.observations.put(pipeline.clone(), observation);
        if is_news {
            // If the channel is full, the next observation triggers the reconciliation.
            let _ = self.tell.try_send(pipeline);
        }
    }
}

fn ready_producers(cache: &ObjectCache, pipeline: &PipelineKey) -> Vec<Pod> {
    let mut producers = pods::of_component(&cache.of(pipeline), Component::Producer);
    producers.retain(pods::is_ready);
    producers
}

async fn observe(cache: Arc<ObjectCache>, pipeline: PipelineKey) -> (PipelineKey, Observation) {
    let objects = cache.of(&pipeline);
    drop(cache);
    let all = pods::of_component(&objects, Component::Producer);
    let ready = all.iter().filter(|pod| pods::is_ready(pod));
    let addresses: Vec<_> = ready.filter_map(pods::address).take(TRIES).collect();
    let (queue, storage) = tokio::join!(
        first_answer::<QueueStats>(&pipeline, &addresses, "/queue"),
        first_answer::<Storage>(&pipeline, &addresses, "/storage"),
    );
    let schema_is_old = queue.is_err() && schema_is_old(&all).await;
    (pipeline, Observation { at: Timestamp::now(), queue, storage, schema_is_old })
}

/// Asks the producers one after the other and returns the first response.
async fn first_answer<T: DeserializeOwned>(
    pipeline: &PipelineKey,
    producers: &[IpAddr],
    page: &'static str,
) -> Result<T, Unknown> {
    let mut answer = Err(Unknown::NoProducer);
    for &address in producers {
        match admin_client::get(address, page, LIMIT).await {
            Ok(answer) => return Ok(answer),
            Err(error) => {
                let why = error_chain(&error);
                debug!(name = pipeline.name, %address, page, error = why, "failed to read statistics from a producer");
                answer = Err(Unknown::NoAnswer(why));
            }
        }
    }
    answer
}

/// State of the schema, which producers report even while they are not ready.
#[derive(Deserialize)]
struct Schema {
    old: bool,
}

async fn schema_is_old(producers: &[Pod]) -> bool {
    for address in producers.iter().filter_map(pods::address).take(TRIES) {
        if let Ok(Schema { old }) = admin_client::get(address, "/schema", LIMIT).await {
            return old;
        }
    }
    false
}
