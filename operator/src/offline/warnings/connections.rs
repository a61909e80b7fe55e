//! The connections that all pods together may want, and those that the database takes.

use eventpipeline_crds::{
    ConsumerAutoscaling, ConsumerGroup, Database, EventPipelineSpec, ProducerAutoscaling, ProducerGroup,
};

use super::super::pipeline::Finding;
use super::DEFAULT_REPLICAS;
use crate::eventpipeline::MAX_CONNECTIONS;

/// What a producer and a consumer use at the most, as each of them says at its start.
const OF_A_PRODUCER: u32 = 8;
const OF_A_CONSUMER: u32 = 6;
/// Kept for the schema Job, and for people.
const OTHERS: u32 = 10;

/// Says so if there may be more pods than the pipeline's own database has connections for.
pub(super) fn of(spec: &EventPipelineSpec) -> Option<Finding> {
    let Database { managed: Some(database), .. } = &spec.database else { return None };
    let set = database.config.get("max_connections").and_then(|value| value.parse().ok());
    let most = set.unwrap_or(MAX_CONNECTIONS);
    let producers: u32 = spec.producers.iter().filter_map(producers).sum();
    let consumers: u32 = spec.consumers.iter().filter_map(consumers).sum();
    let wanted = producers * OF_A_PRODUCER + consumers * OF_A_CONSUMER + OTHERS;
    (wanted > most).then(|| {
        let message = format!(
            "the database takes {most} connections, and {producers} producers with {OF_A_PRODUCER} each and {consumers} \
             consumers with {OF_A_CONSUMER} each, as many as a rollout may run at once, and {OTHERS} for others, need {wanted}"
        );
        Finding::warning("spec.database.managed.config.max_connections", message)
    })
}

/// As many as may run at once; none where somebody else decides.
fn producers(group: &ProducerGroup) -> Option<u32> {
    let most = match &group.autoscaling {
        None => group.replicas.unwrap_or(DEFAULT_REPLICAS),
        Some(ProducerAutoscaling { cpu, .. }) => cpu.as_ref()?.max_replicas,
    };
    // A rollout adds one.
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
