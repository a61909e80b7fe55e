//! The number of connections that all pods may need, compared with what the database accepts.

use eventpipeline_crds::{
    ConsumerAutoscaling, ConsumerGroup, Database, EventPipelineSpec, ProducerAutoscaling, ProducerGroup,
};

use super::super::finding::Finding;
use super::DEFAULT_REPLICAS;
use crate::eventpipeline::MAX_CONNECTIONS;

/// Maximum number of connections of a producer and of a consumer, as they log at startup.
const OF_A_PRODUCER: u32 = 8;
const OF_A_CONSUMER: u32 = 6;
/// Connections of the schema Job and of people.
const OTHERS: u32 = 10;

/// Warns if the pods may need more connections than a managed database accepts.
pub(super) fn of(spec: &EventPipelineSpec) -> Option<Finding> {
    let Database { managed: Some(database), .. } = &spec.database else { return None };
    let set = database.config.get("max_connections").and_then(|value| value.parse().ok());
    let most = set.unwrap_or(MAX_CONNECTIONS);
    let producers: u32 = spec.producers.iter().filter_map(producers).sum();
    let consumers: u32 = spec.consumers.iter().filter_map(consumers).sum();
    let wanted = producers * OF_A_PRODUCER + consumers * OF_A_CONSUMER + OTHERS;
    (wanted > most).then(|| {
        let message = format!(
            "the database accepts {most} connections, but a rollout may need {wanted}: {producers} producers with \
             {OF_A_PRODUCER} each, {consumers} consumers with {OF_A_CONSUMER} each, and {OTHERS} others"
        );
        Finding::warning("spec.database.managed.config.max_connections", message)
    })
}

/// Returns the maximum number of pods during a rollout, or `None` if another client decides it.
fn producers(group: &ProducerGroup) -> Option<u32> {
    let most = match &group.autoscaling {
        None => group.replicas.unwrap_or(DEFAULT_REPLICAS),
        Some(ProducerAutoscaling { cpu, .. }) => cpu.as_ref()?.max_replicas,
    };
    // A rollout adds one pod.
    Some(u32::try_from(most).ok()? + 1)
}

fn consumers(group: &ConsumerGroup) -> Option<u32> {
    let most = match &group.autoscaling {
        None => group.replicas.unwrap_or(DEFAULT_REPLICAS),
        Some(ConsumerAutoscaling { backlog, .. }) => backlog.as_ref()?.max_replicas,
    };
    let most = u32::try_from(most).ok()?;
    // A rollout adds a quarter.
    Some(most + most.div_ceil(4))
}
