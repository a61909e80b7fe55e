//! Third step: how many consumers each group is to have, and which of them go first where there will be fewer.
//!
//! `replicas` of a group that scales by its backlog is decided here and nowhere else. Asks consumers what they have
//! claimed, and marks their pods, only where some are to go.

mod claims;
mod decide;
mod external;
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
use decide::{Demand, Standing, Step};
use external::There;
pub(crate) use memory::Memory;

/// What was decided of a group that scales by its backlog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) group: String,
    pub(super) replicas: i32,
    /// When the number last changed.
    pub(super) changed: Option<Timestamp>,
    pub(super) reason: Reason,
    /// For people; without figures that change with every look.
    pub(super) message: String,
}

/// Dependencies of the step.
pub(super) struct Scaler<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) memory: &'a Memory,
    pub(super) now: Timestamp,
}

/// Decides, and makes ready for what was decided. The groups take the backlog in their order: what the first can have at
/// most is left to the next.
pub(super) async fn scale(
    scaler: &Scaler<'_>,
    pipeline: &mut Pipeline,
    existing: &Existing,
    seen: Option<&Observation>,
) -> Vec<Decision> {
    let consumers = pods::of_component(&existing.objects, Component::Consumer);
    let mut backlog = seen.and_then(|seen| seen.queue.as_ref().ok()).map_or(0, |queue| queue.pending);
    let mut decisions = Vec::new();
    let names: Vec<String> =
        pipeline.consumers.iter().map(|group| consumers_name(pipeline, &group.name)).collect();
    for (group, deployment) in pipeline.consumers.iter_mut().zip(names) {
        let there = there(existing, deployment);
        if let ConsumerScale::External(handover) = &mut group.scale {
            *handover = external::handover(group.suspended, there);
        }
        let mut looked = Looked {
            scaler,
            existing,
            pods: pods::of_group(&consumers, &group.name.to_string()),
            replicas: there.replicas,
            seen,
            backlog,
            first: decisions.iter().all(|decision: &Decision| decision.reason == Reason::Suspended),
        };
        decisions.extend(looked.decide(group).await);
        backlog = looked.backlog;
    }
    decisions
}

/// What the Deployment asks for, if it is there.
fn there(existing: &Existing, deployment: String) -> There {
    let Some(record) = existing.objects.get(&(Deployment::NAME, deployment)) else { return There::default() };
    let deployment = record.snapshot::<Deployment>().unwrap_or_default();
    There {
        suspended: deployment.annotations().get(SUSPENDED_REPLICAS).and_then(|number| number.parse().ok()),
        replicas: deployment.spec.and_then(|spec| spec.replicas),
        is_ours: record.replicas_are_ours,
    }
}

/// What a group is looked at with.
struct Looked<'a> {
    scaler: &'a Scaler<'a>,
    existing: &'a Existing,
    pods: Vec<Pod>,
    /// What its Deployment asks for now.
    replicas: Option<i32>,
    seen: Option<&'a Observation>,
    /// What waits and is left for this group and those after it.
    backlog: i64,
    /// Whether it is the first that may do anything.
    first: bool,
}

impl Looked<'_> {
    async fn decide(&mut self, group: &mut ConsumerGroup) -> Option<Decision> {
        let ConsumerScale::Backlog { rules, .. } = &group.scale else {
            self.mark_if_fewer(group).await;
            // It begins anew from what there is by then.
            self.scaler.memory.forget(&self.existing.key, &group.name.to_string());
            return None;
        };
        let (name, memory) = (group.name.to_string(), &self.scaler.memory);
        if group.suspended {
            memory.forget(&self.existing.key, &name);
            let (reason, message) = (Reason::Suspended, explain(Reason::Suspended, rules));
            return Some(Decision { group: name, replicas: 0, changed: None, reason, message });
        }
        let mut standing = self.standing(&name, rules);
        let demand = self.demand(rules, standing.replicas);
        let (reason, message) = match decide::decide(rules, &mut standing, demand, self.scaler.now) {
            Step::Stay(reason) => (reason, explain(reason, rules)),
            Step::Grow(replicas) => {
                standing = self.changed(replicas);
                (Reason::AsNeeded, explain(Reason::AsNeeded, rules))
            }
            Step::Shrink(to) => {
                let busy = self.shrink(&mut standing, to, group).await;
                busy.map_or_else(
                    || (Reason::AsNeeded, explain(Reason::AsNeeded, rules)),
                    |message| (Reason::ConsumersBusy, message),
                )
            }
        };
        memory.put(&self.existing.key, &name, standing);
        let Standing { replicas, changed, fewer: _ } = standing;
        if let ConsumerScale::Backlog { wanted, .. } = &mut group.scale {
            *wanted = replicas;
        }
        Some(Decision { group: name, replicas, changed, reason, message })
    }

    /// How the group stands: as this process knows it, or the one before; or as it is there.
    fn standing(&self, name: &str, rules: &BacklogAutoscaling) -> Standing {
        let remembered = self.scaler.memory.standing(&self.existing.key, name);
        remembered.or_else(|| self.as_shown(name)).unwrap_or(Standing {
            replicas: self.replicas.unwrap_or(rules.min_replicas),
            changed: None,
            fewer: None,
        })
    }

    /// Goes as far down as the consumers' claims allow, and says if that is not all the way.
    async fn shrink(&self, standing: &mut Standing, to: i32, group: &ConsumerGroup) -> Option<String> {
        let consumers = self.consumers().await;
        let needed = claims::needed(&consumers, group.concurrency, group.program.grace_seconds);
        let replicas = to.max(needed).min(standing.replicas);
        if replicas < standing.replicas {
            self.mark(&consumers).await;
            *standing = self.changed(replicas);
        }
        (replicas > to).then(|| format!("scale-in waits: {needed} of {} consumers busy", consumers.len()))
    }

    /// Somebody else's decision; only who goes first is ours.
    async fn mark_if_fewer(&self, group: &ConsumerGroup) {
        if let (Some(before), Some(after)) = (self.replicas, group.replicas())
            && (1..before).contains(&after)
        {
            self.mark(&self.consumers().await).await;
        }
    }

    /// What waits for this group, if that is known. Takes its part of what is left.
    fn demand(&mut self, rules: &BacklogAutoscaling, current: i32) -> Option<Demand> {
        let seen = self.seen?;
        let mut queue = *seen.queue.as_ref().ok()?;
        if !self.first {
            // One group stays for what is claimed, and not each.
            queue.processing = 0;
        }
        let consumers = decide::consumers_for(rules, current, self.backlog, &queue);
        let taken =
            i64::from(consumers.min(rules.max_replicas)) * i64::from(rules.target_backlog_per_replica);
        self.backlog = (self.backlog - taken).max(0);
        Some(Demand { consumers, at: seen.at })
    }

    /// What an operator before this one has decided.
    fn as_shown(&self, group: &str) -> Option<Standing> {
        let shown = self.existing.groups.iter().find(|shown| shown.name == group)?;
        // A group that was suspended begins anew.
        let changed = shown.last_scale_time.as_ref().map(|time| time.0);
        (shown.reason.as_deref() != Some(Reason::Suspended.into())).then_some(Standing {
            replicas: shown.replicas,
            changed,
            fewer: None,
        })
    }

    fn changed(&self, replicas: i32) -> Standing {
        Standing { replicas, changed: Some(self.scaler.now), fewer: None }
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
        Reason::AsNeeded => "as many as the events that wait take".to_owned(),
        Reason::ScaleOutCoolsDown => format!(
            "scale-out waits: more are needed, {} s after the last change at the earliest",
            rules.scale_up_cooldown_seconds
        ),
        Reason::ScaleInCoolsDown => {
            format!("scale-in waits: fewer must have been enough for {} s", rules.scale_down_cooldown_seconds)
        }
        Reason::ConsumersBusy => "scale-in waits: consumers are busy".to_owned(),
        Reason::MaximumReached => {
            format!("scale-out waits: more than `maxReplicas` ({}) would be needed", rules.max_replicas)
        }
        Reason::QueueUnknown => "the queue is not known, and the number stays as it is".to_owned(),
        Reason::Suspended => "the group is suspended".to_owned(),
    }
}
