//! Third step: decides the number of consumers of each group, and which of them a scale-in removes first.
//!
//! The `replicas` of a group that scales by its backlog are decided here only. On a scale-in, consumers are
//! asked for their claims, and their pods are marked.

mod claims;
mod decide;
mod external;
mod lanes;
mod memory;

use eventpipeline_crds::BacklogAutoscaling;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use super::build::meta::{SUSPENDED_REPLICAS, consumers_name};
use super::dereference::Existing;
use super::validate::{ConsumerGroup, ConsumerScale, Pipeline};
use crate::api::Cluster;
use crate::cache::Kind as _;
use crate::labels::Component;
use crate::pods;
use crate::queue_stats::Observation;
use claims::Consumer;
pub(super) use decide::Reason;
use decide::{Demand, ScaleState, Step};
use external::CurrentScale;
use lanes::Backlogs;
pub(crate) use memory::ScaleMemory;

/// The decision for a group that scales by its backlog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) group: String,
    pub(super) replicas: i32,
    /// Time of the last change of the number.
    pub(super) changed: Option<Timestamp>,
    pub(super) reason: Reason,
    /// Text for people. It contains no numbers that change with every observation.
    pub(super) message: String,
}

/// Dependencies of this step.
pub(super) struct Scaler<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) memory: &'a ScaleMemory,
    pub(super) now: Timestamp,
}

/// Decides the scale of all groups, and prepares scale-ins. The backlog of each lane is assigned to its groups in
/// spec order, each up to its maximum.
pub(super) async fn scale(
    scaler: &Scaler<'_>,
    pipeline: &mut Pipeline,
    existing: &Existing,
    observation: Option<&Observation>,
) -> Vec<Decision> {
    let consumers = pods::of_component(&existing.objects, Component::Consumer);
    let mut backlogs = Backlogs::new(observation.and_then(|observation| observation.queue.as_ref().ok()));
    let mut decisions = Vec::new();
    let names: Vec<String> =
        pipeline.consumers.iter().map(|group| consumers_name(pipeline, &group.name)).collect();
    for (group, deployment) in pipeline.consumers.iter_mut().zip(names) {
        let current = current_scale(existing, deployment);
        if let ConsumerScale::External(handover) = &mut group.scale {
            *handover = external::handover(group.suspended, current);
        }
        let mut context = GroupContext {
            scaler,
            existing,
            pods: pods::of_group(&consumers, &group.name.to_string()),
            replicas: current.replicas,
            observed: observation.map(|observation| observation.at),
            backlogs: &mut backlogs,
            first: decisions.iter().all(|decision: &Decision| decision.reason == Reason::Suspended),
        };
        decisions.extend(context.decide(group).await);
    }
    decisions
}

/// Returns the current scale of the group's Deployment, if it exists.
fn current_scale(existing: &Existing, deployment: String) -> CurrentScale {
    let Some(record) = existing.objects.get(&(Deployment::NAME, deployment)) else {
        return CurrentScale::default();
    };
    let deployment = record.snapshot::<Deployment>().unwrap_or_default();
    CurrentScale {
        suspended: deployment.annotations().get(SUSPENDED_REPLICAS).and_then(|number| number.parse().ok()),
        replicas: deployment.spec.and_then(|spec| spec.replicas),
        is_ours: record.replicas_are_ours,
    }
}

/// The input of a group's scaling decision.
struct GroupContext<'a, 'queue> {
    scaler: &'a Scaler<'a>,
    existing: &'a Existing,
    pods: Vec<Pod>,
    /// Current `replicas` of the Deployment.
    replicas: Option<i32>,
    /// Time of the observation of the queue.
    observed: Option<Timestamp>,
    /// Backlogs that are left for this group and those after it.
    backlogs: &'a mut Backlogs<'queue>,
    /// True if no group before it is active.
    first: bool,
}

impl GroupContext<'_, '_> {
    async fn decide(&mut self, group: &mut ConsumerGroup) -> Option<Decision> {
        let ConsumerScale::Backlog { rules, .. } = &group.scale else {
            self.mark_if_fewer(group).await;
            // If it scales by its backlog again, it starts from the number at that time.
            self.scaler.memory.forget(&self.existing.key, &group.name.to_string());
            return None;
        };
        let (name, memory) = (group.name.to_string(), self.scaler.memory);
        if group.suspended {
            memory.forget(&self.existing.key, &name);
            let (reason, message) = (Reason::Suspended, explain(Reason::Suspended, rules));
            return Some(Decision { group: name, replicas: 0, changed: None, reason, message });
        }
        let mut state = self.state(&name, rules);
        let demand = self.demand(group.lane.as_deref(), rules, state.replicas);
        let (reason, message) = match decide::decide(rules, &mut state, demand, self.scaler.now) {
            Step::Stay(reason) => (reason, explain(reason, rules)),
            Step::Grow(replicas) => {
                state = self.changed(replicas);
                (Reason::AsNeeded, explain(Reason::AsNeeded, rules))
            }
            Step::Shrink(to) => {
                let busy = self.shrink(&mut state, to, group).await;
                busy.map_or_else(
                    || (Reason::AsNeeded, explain(Reason::AsNeeded, rules)),
                    |message| (Reason::ConsumersBusy, message),
                )
            }
        };
        memory.put(&self.existing.key, &name, state);
        let ScaleState { replicas, changed, window: _ } = state;
        if let ConsumerScale::Backlog { wanted, .. } = &mut group.scale {
            *wanted = replicas;
        }
        Some(Decision { group: name, replicas, changed, reason, message })
    }

    /// Returns the group's state as this process knows it, as an earlier process recorded it, or as the
    /// Deployment has it.
    fn state(&self, name: &str, rules: &BacklogAutoscaling) -> ScaleState {
        let remembered = self.scaler.memory.state(&self.existing.key, name);
        remembered.or_else(|| self.recorded(name)).unwrap_or(ScaleState {
            replicas: self.replicas.unwrap_or(rules.min_replicas),
            changed: None,
            window: None,
        })
    }

    /// Scales in as far as the consumers' claims allow. Returns a message if that is not all the way.
    async fn shrink(&self, state: &mut ScaleState, to: i32, group: &ConsumerGroup) -> Option<String> {
        let consumers = self.consumers().await;
        let needed = claims::needed(&consumers, group.concurrency, group.program.grace_seconds);
        let replicas = to.max(needed).min(state.replicas);
        if replicas < state.replicas {
            self.mark(&consumers).await;
            *state = self.changed(replicas);
        }
        (replicas > to)
            .then(|| format!("waiting to scale in: {needed} of {} consumers are busy", consumers.len()))
    }

    /// Marks idle consumers before a scale-in by the author or another client, so that they are removed
    /// first.
    async fn mark_if_fewer(&self, group: &ConsumerGroup) {
        if let (Some(before), Some(after)) = (self.replicas, group.replicas())
            && (1..before).contains(&after)
        {
            self.mark(&self.consumers().await).await;
        }
    }

    /// Returns the demand for this group if the backlog of its lane is known, and takes the group's share of it.
    fn demand(&mut self, lane: Option<&str>, rules: &BacklogAutoscaling, current: i32) -> Option<Demand> {
        let at = self.observed?;
        let share = self.backlogs.share(lane, self.first)?;
        let consumers = decide::consumers_for(rules, current, &share);
        self.backlogs.take(lane, decide::capacity(rules, consumers));
        Some(Demand { consumers, at })
    }

    /// Returns the state that an earlier operator process recorded in the status.
    fn recorded(&self, group: &str) -> Option<ScaleState> {
        let recorded = self.existing.groups.iter().find(|recorded| recorded.name == group)?;
        // After a suspension a group starts over.
        let changed = recorded.last_scale_time.as_ref().map(|time| time.0);
        (recorded.reason.as_deref() != Some(Reason::Suspended.into())).then_some(ScaleState {
            replicas: recorded.replicas,
            changed,
            window: None,
        })
    }

    fn changed(&self, replicas: i32) -> ScaleState {
        ScaleState { replicas, changed: Some(self.scaler.now), window: None }
    }

    async fn consumers(&self) -> Vec<Consumer> {
        claims::read(self.pods.clone()).await
    }

    async fn mark(&self, consumers: &[Consumer]) {
        claims::mark(self.scaler.cluster, &self.existing.key, consumers).await;
    }
}

fn explain(reason: Reason, rules: &BacklogAutoscaling) -> String {
    match reason {
        Reason::AsNeeded => "the number of consumers matches the backlog".to_owned(),
        Reason::ScaleOutCoolsDown => format!(
            "waiting to scale out: at least {} s must pass between changes",
            rules.scale_up_cooldown_seconds
        ),
        Reason::ScaleInCoolsDown => {
            format!(
                "waiting to scale in: fewer consumers must suffice for {} s",
                rules.scale_down_cooldown_seconds
            )
        }
        Reason::ConsumersBusy => "waiting to scale in: consumers are busy".to_owned(),
        Reason::MaximumReached => {
            format!("the backlog needs more consumers than `maxReplicas` ({}) allows", rules.max_replicas)
        }
        Reason::QueueUnknown => "the backlog is unknown; the number of consumers stays the same".to_owned(),
        Reason::Suspended => "the group is suspended".to_owned(),
    }
}
