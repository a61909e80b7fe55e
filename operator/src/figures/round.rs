//! Asks, pipeline by pipeline.

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

use super::{Figures, Observation, Queue, Storage, Unknown};
use crate::eventpipeline::Component;
use crate::internal_port;
use crate::inventory::{Inventory, PipelineKey};
use crate::pods;

/// How long a producer may take: it counts what waits, and the database may be busy.
const LIMIT: Duration = Duration::from_secs(5);
/// How many pipelines are asked at once: enough that many that do not answer delay the others little.
const AT_ONCE: usize = 32;
/// How many producers of a pipeline are asked before it is given up for this time.
const TRIES: usize = 2;
/// How often to look which pipelines are due.
const LOOK: Duration = Duration::from_secs(1);

/// What a round needs.
pub(crate) struct Rounds<L, N> {
    pub(crate) figures: Arc<Figures>,
    pub(crate) inventory: Arc<Inventory>,
    /// How often a pipeline is asked.
    pub(crate) every: Duration,
    /// The pipelines that there are.
    pub(crate) pipelines: L,
    /// Whether what was seen is for a reconcile.
    pub(crate) is_news: N,
    /// Who hears of it.
    pub(crate) tell: mpsc::Sender<PipelineKey>,
}

/// Asks for ever. Never more than [`AT_ONCE`] pipelines at a time, and each for no longer than a few seconds.
pub(crate) async fn run<L, N>(mut rounds: Rounds<L, N>)
where
    L: Fn() -> Vec<PipelineKey>,
    N: Fn(&PipelineKey, &Observation) -> bool,
{
    // When each was last put in line.
    let mut asked: HashMap<PipelineKey, Instant> = HashMap::new();
    let mut line: VecDeque<PipelineKey> = VecDeque::new();
    let mut asking = FuturesUnordered::new();
    let mut looks = interval(LOOK.min(rounds.every));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = looks.tick() => {
                let pipelines: HashSet<_> = (rounds.pipelines)().into_iter().collect();
                asked.retain(|pipeline, _| pipelines.contains(pipeline));
                for pipeline in pipelines {
                    if rounds.is_due(&pipeline, &asked) {
                        asked.insert(pipeline.clone(), Instant::now());
                        line.push_back(pipeline);
                    }
                }
            }
            Some((pipeline, observation)) = asking.next() => rounds.seen(pipeline, observation),
        }
        while asking.len() < AT_ONCE
            && let Some(pipeline) = line.pop_front()
        {
            asking.push(observe(Arc::clone(&rounds.inventory), pipeline));
        }
    }
}

impl<L, N> Rounds<L, N>
where
    N: Fn(&PipelineKey, &Observation) -> bool,
{
    /// After its time, or when there is somebody to ask at last.
    fn is_due(&self, pipeline: &PipelineKey, asked: &HashMap<PipelineKey, Instant>) -> bool {
        let waits = || {
            let seen = self.figures.of(pipeline).map(|observation| observation.queue);
            matches!(seen, Some(Err(Unknown::NoProducer))) && !producers(&self.inventory, pipeline).is_empty()
        };
        asked.get(pipeline).is_none_or(|asked| asked.elapsed() >= self.every || waits())
    }

    fn seen(&mut self, pipeline: PipelineKey, observation: Observation) {
        let is_news = (self.is_news)(&pipeline, &observation);
        self.figures.put(pipeline.clone(), observation);
        if is_news {
            // Where too many wait to be reconciled, the next observation says it again.
            let _ = self.tell.try_send(pipeline);
        }
    }
}

fn producers(inventory: &Inventory, pipeline: &PipelineKey) -> Vec<Pod> {
    let mut producers = pods::of_component(&inventory.of(pipeline), Component::Producer);
    producers.retain(pods::is_ready);
    producers
}

async fn observe(inventory: Arc<Inventory>, pipeline: PipelineKey) -> (PipelineKey, Observation) {
    let objects = inventory.of(&pipeline);
    drop(inventory);
    let all = pods::of_component(&objects, Component::Producer);
    let ready = all.iter().filter(|pod| pods::is_ready(pod));
    let addresses: Vec<_> = ready.filter_map(pods::address).take(TRIES).collect();
    let (queue, storage) = tokio::join!(
        first_answer::<Queue>(&pipeline, &addresses, "/queue"),
        first_answer::<Storage>(&pipeline, &addresses, "/storage"),
    );
    let schema_is_old = queue.is_err() && schema_is_old(&all).await;
    (pipeline, Observation { at: Timestamp::now(), queue, storage, schema_is_old })
}

/// What the first of them that tells a page says there.
async fn first_answer<T: DeserializeOwned>(
    pipeline: &PipelineKey,
    producers: &[IpAddr],
    page: &'static str,
) -> Result<T, Unknown> {
    let mut answer = Err(Unknown::NoProducer);
    for &address in producers {
        match internal_port::ask(address, page, LIMIT).await {
            Ok(figures) => return Ok(figures),
            Err(error) => {
                let why = error_chain(&error);
                debug!(name = pipeline.name, %address, page, error = why, "a producer tells no figures");
                answer = Err(Unknown::NoAnswer(why));
            }
        }
    }
    answer
}

/// What a producer says of the schema, which one that is not ready knows as well.
#[derive(Deserialize)]
struct Schema {
    old: bool,
}

async fn schema_is_old(producers: &[Pod]) -> bool {
    for address in producers.iter().filter_map(pods::address).take(TRIES) {
        if let Ok(Schema { old }) = internal_port::ask(address, "/schema", LIMIT).await {
            return old;
        }
    }
    false
}
