//! How many pods a group has, and who decides that.

use eventpipeline_crds as crd;

use super::Error;

/// How many there are where nothing is said.
const DEFAULT: i32 = 2;
/// The most of a group.
const MOST: i32 = 1000;

/// Who decides how many producers run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::eventpipeline) enum ProducerScale {
    Fixed(i32),
    /// A HorizontalPodAutoscaler.
    Cpu {
        min: i32,
        max: i32,
        target_percentage: i32,
    },
    /// Somebody else.
    External,
}

/// Who decides how many consumers run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::eventpipeline) enum ConsumerScale {
    Fixed(i32),
    /// The operator, by the events that wait.
    Backlog {
        rules: crd::BacklogAutoscaling,
        /// What it has decided; at first, the fewest.
        wanted: i32,
    },
    /// Somebody else, but for the moments at which the group is suspended and goes on.
    External(Handover),
}

/// What is said of the number of a group that somebody else scales.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::eventpipeline) struct Handover {
    /// The number, where it is ours to say for a moment.
    pub(in crate::eventpipeline) replicas: Option<i32>,
    /// The number that it had before it was suspended, as long as it is.
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

    /// `replicas` of the Deployment; none where somebody else owns that.
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
                // Of a group that is not there yet.
                Ok(Self::External(Handover { replicas: suspended.then_some(0), suspended: None }))
            }
            Some(_) => Err(Error::Union { union: "autoscaling", members: "`backlog` and `external`" }),
        }
    }

    /// `replicas` of the Deployment; none where somebody else owns that.
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
