//! Warnings about pipelines that would be accepted, but work badly.

mod connections;
mod consumers;
mod route;
mod storage;
mod types;

use eventpipeline_crds::{
    CpuAutoscaling, Database, EventPipeline, ManagedDatabase, ProducerAutoscaling, ProducerGroup, Resources,
};
use serde_json::Value;

use super::finding::Finding;

/// Default number of pods of a group.
const DEFAULT_REPLICAS: i32 = 2;

/// Returns the warnings about a pipeline, which was written as `object`.
pub(super) fn of(pipeline: &EventPipeline, object: &Value) -> Vec<Finding> {
    let spec = &pipeline.spec;
    let mut findings = Vec::new();
    if let Database { managed: Some(database), .. } = &spec.database {
        findings.extend(storage::of(database, &spec.retention, object));
        findings.extend(no_memory_limit(database));
    }
    findings.extend(connections::of(spec));
    findings.extend(single_producer(&spec.producers));
    for (at, group) in spec.producers.iter().enumerate() {
        findings.extend(cpu_without_request(at, group));
    }
    for (at, group) in spec.consumers.iter().enumerate() {
        findings.extend(consumers::of(at, group));
    }
    findings.extend(consumers::all_classic(&spec.consumers));
    findings.extend(types::of(&spec.consumers, spec.keys.is_some()));
    findings.extend(route::of(spec));
    findings
}

fn no_memory_limit(database: &ManagedDatabase) -> Option<Finding> {
    let limited = database.resources.limits.as_ref().is_some_and(|limits| limits.memory.is_some());
    (!limited).then(|| {
        let message = "without a memory limit, InnoDB's buffer pool stays at 256Mi on a node of any size";
        Finding::warning("spec.database.managed.resources.limits.memory", message)
    })
}

/// A single producer of all groups can't serve while it is rescheduled.
fn single_producer(groups: &[ProducerGroup]) -> Option<Finding> {
    let [group] = groups else { return None };
    let fewest = match &group.autoscaling {
        None => group.replicas.unwrap_or(DEFAULT_REPLICAS),
        Some(ProducerAutoscaling { cpu: Some(cpu), .. }) => cpu.min_replicas,
        Some(ProducerAutoscaling { cpu: None, .. }) => return None,
    };
    (fewest < 2).then(|| {
        let message =
            "there is only one producer: the API is unavailable while its node is drained or its pod restarts";
        Finding::warning("spec.producers[0]", message)
    })
}

/// A HorizontalPodAutoscaler can't compute a percentage without a request.
fn cpu_without_request(at: usize, group: &ProducerGroup) -> Option<Finding> {
    let autoscaling = group.autoscaling.as_ref()?;
    let CpuAutoscaling { .. } = autoscaling.cpu.as_ref()?;
    let Resources { requests, limits } = &group.resources;
    let asked = [requests, limits].into_iter().flatten().any(|amounts| amounts.cpu.is_some());
    (!asked).then(|| {
        let message =
            "autoscaling needs a CPU request to compute the utilization; without one the group never scales";
        Finding::warning(format!("spec.producers[{at}].resources.requests.cpu"), message)
    })
}
