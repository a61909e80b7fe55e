//! The number of pods of a group, and its owner.

use eventpipeline_crds as crd;

use super::Error;

/// Default number of pods.
const DEFAULT: i32 = 2;
/// Maximum number of pods.
const MOST: i32 = 1000;

/// The owner of the number of producers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::eventpipeline) enum ProducerScale {
    Fixed(i32),
    /// A HorizontalPodAutoscaler.
    Cpu {
        min: i32,
        max: i32,
        target_percentage: i32,
    },
    /// Another client.
    External,
}

/// The owner of the number of consumers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::eventpipeline) enum ConsumerScale {
    Fixed(i32),
    /// The operator, according to the backlog.
    Backlog {
        rules: crd::BacklogAutoscaling,
        /// The decided number, initially the minimum.
        wanted: i32,
    },
    /// Another client, except when the group is suspended or resumed.
    External(Handover),
}

/// The values that the operator sets for a group that another client scales.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::eventpipeline) struct Handover {
    /// Number of pods, at the moments when the operator sets it.
    pub(in crate::eventpipeline) replicas: Option<i32>,
    /// Number of pods before the suspension, while the group is suspended.
    pub(in crate::eventpipeline) suspended: Option<i32>,
}

impl ProducerScale {
    pub(super) fn new(group: &crd::ProducerGroup) -> Result<Self, Error> {
        let crd::ProducerGroup { name, replicas, autoscaling, .. } = group;
        match autoscaling {
            None => Ok(Self::Fixed(fixed(name, *replicas)?)),
            Some(_) if replicas.is_some() => Err(Error::ReplicasAndAutoscaling { group: name.clone() }),
            Some(crd::ProducerAutoscaling { cpu: Some(cpu), external: None }) => {
                let crd::CpuAutoscaling { min_replicas, max_replicas, target_utilization_percentage } = cpu;
                in_order(name, 1, *min_replicas, *max_replicas)?;
                Ok(Self::Cpu {
                    min: *min_replicas,
                    max: *max_replicas,
                    target_percentage: *target_utilization_percentage,
                })
            }
            Some(crd::ProducerAutoscaling { cpu: None, external: Some(crd::ExternalAutoscaling {}) }) => {
                Ok(Self::External)
            }
            Some(_) => Err(Error::Union { union: "autoscaling", members: "`cpu` and `external`" }),
        }
    }

    /// Returns `replicas` of the Deployment, or `None` if another client owns it.
    pub(in crate::eventpipeline) fn replicas(&self) -> Option<i32> {
        match self {
            Self::Fixed(replicas) => Some(*replicas),
            Self::Cpu { .. } | Self::External => None,
        }
    }
}

impl ConsumerScale {
    pub(super) fn new(group: &crd::ConsumerGroup, suspended: bool) -> Result<Self, Error> {
        let crd::ConsumerGroup { name, replicas, autoscaling, .. } = group;
        match autoscaling {
            None => Ok(Self::Fixed(fixed(name, *replicas)?)),
            Some(_) if replicas.is_some() => Err(Error::ReplicasAndAutoscaling { group: name.clone() }),
            Some(crd::ConsumerAutoscaling { backlog: Some(backlog), external: None }) => {
                in_order(name, 0, backlog.min_replicas, backlog.max_replicas)?;
                Ok(Self::Backlog { wanted: backlog.min_replicas, rules: backlog.clone() })
            }
            Some(crd::ConsumerAutoscaling { backlog: None, external: Some(crd::ExternalAutoscaling {}) }) => {
                // For a group that does not exist yet.
                Ok(Self::External(Handover { replicas: suspended.then_some(0), suspended: None }))
            }
            Some(_) => Err(Error::Union { union: "autoscaling", members: "`backlog` and `external`" }),
        }
    }

    /// Returns `replicas` of the Deployment, or `None` if another client owns it.
    pub(super) fn replicas(&self, suspended: bool) -> Option<i32> {
        match self {
            Self::External(handover) => handover.replicas,
            _ if suspended => Some(0),
            Self::Fixed(replicas) => Some(*replicas),
            Self::Backlog { wanted, .. } => Some(*wanted),
        }
    }
}

fn fixed(group: &str, replicas: Option<i32>) -> Result<i32, Error> {
    let replicas = replicas.unwrap_or(DEFAULT);
    if (1..=MOST).contains(&replicas) {
        Ok(replicas)
    } else {
        Err(Error::Replicas { group: group.to_owned(), replicas })
    }
}

fn in_order(group: &str, least: i32, min: i32, max: i32) -> Result<(), Error> {
    if least <= min && min <= max && (1..=MOST).contains(&max) {
        Ok(())
    } else {
        Err(Error::ReplicaBounds { group: group.to_owned(), least, min, max })
    }
}
