//! Groups of producers and consumers.

use eventpipeline_crds as crd;

use super::amount::Resources;
use super::handler::Handler;
use super::lanes::Lanes;
use super::replicas::{ConsumerScale, ProducerScale};
use super::{Error, GroupName, PodSettings};

/// A group of producers.
#[derive(Debug, Clone)]
pub(in crate::eventpipeline) struct ProducerGroup {
    pub(in crate::eventpipeline) name: GroupName,
    pub(in crate::eventpipeline) scale: ProducerScale,
    pub(in crate::eventpipeline) program: Program,
}

/// A group of consumers.
#[derive(Debug, Clone)]
pub(in crate::eventpipeline) struct ConsumerGroup {
    pub(in crate::eventpipeline) name: GroupName,
    /// Name of the lane from which it claims, or `None` for the default lane.
    pub(in crate::eventpipeline) lane: Option<String>,
    pub(in crate::eventpipeline) scale: ConsumerScale,
    /// True if the group or the whole pipeline is suspended.
    pub(in crate::eventpipeline) suspended: bool,
    pub(in crate::eventpipeline) program: Program,
    pub(in crate::eventpipeline) handler: Handler,
    pub(in crate::eventpipeline) concurrency: i32,
    pub(in crate::eventpipeline) lease_seconds: i32,
    pub(in crate::eventpipeline) max_attempts: i32,
    pub(in crate::eventpipeline) backoff: crd::Backoff,
}

impl ConsumerGroup {
    /// Returns `replicas` of the Deployment, or `None` if another client owns it.
    pub(in crate::eventpipeline) fn replicas(&self) -> Option<i32> {
        self.scale.replicas(self.suspended)
    }

    /// Returns the former number of pods of a suspended group that another client scales.
    pub(in crate::eventpipeline) fn suspended_replicas(&self) -> Option<i32> {
        match &self.scale {
            ConsumerScale::External(handover) => handover.suspended,
            ConsumerScale::Fixed(_) | ConsumerScale::Backlog { .. } => None,
        }
    }
}

/// The program that a group runs.
#[derive(Debug, Clone)]
pub(in crate::eventpipeline) struct Program {
    pub(in crate::eventpipeline) image: String,
    /// Command, or `None` for the image's entrypoint.
    pub(in crate::eventpipeline) command: Option<Vec<String>>,
    /// True if the image is the operator's own.
    pub(in crate::eventpipeline) is_ours: bool,
    /// The version of the tables that the program knows.
    pub(in crate::eventpipeline) contract: crd::Contract,
    pub(in crate::eventpipeline) env: Vec<crd::EnvVariable>,
    pub(in crate::eventpipeline) resources: Resources,
    pub(in crate::eventpipeline) grace_seconds: i64,
    pub(in crate::eventpipeline) pod: PodSettings,
}

impl ProducerGroup {
    pub(super) fn new(group: &crd::ProducerGroup, own_image: &str) -> Result<Self, Error> {
        let crd::ProducerGroup {
            name,
            replicas: _,
            autoscaling: _,
            image,
            command,
            contract,
            env,
            resources,
            termination_grace_period_seconds,
            pod,
        } = group;
        Ok(Self {
            name: GroupName::of("producers", name)?,
            scale: ProducerScale::new(group)?,
            program: Program {
                image: image.as_deref().unwrap_or(own_image).to_owned(),
                command: self::command(image.as_deref(), command.as_deref(), "/eventpipeline-producer"),
                is_ours: image.is_none(),
                contract: *contract,
                env: env.clone(),
                resources: self::resources(name, resources)?,
                grace_seconds: *termination_grace_period_seconds,
                pod: PodSettings::new(&format!("group {name:?}"), pod.as_ref())?,
            },
        })
    }
}

impl ConsumerGroup {
    pub(super) fn new(
        group: &crd::ConsumerGroup,
        lanes: &Lanes,
        all_suspended: bool,
        own_image: &str,
    ) -> Result<Self, Error> {
        let crd::ConsumerGroup {
            name,
            types: _,
            replicas: _,
            autoscaling: _,
            suspend,
            image,
            command,
            contract,
            handler,
            concurrency,
            lease_seconds,
            max_attempts,
            backoff,
            env,
            resources,
            termination_grace_period_seconds,
            pod,
        } = group;
        if backoff.initial_seconds > backoff.max_seconds {
            return Err(Error::Backoff { group: name.clone() });
        }
        Ok(Self {
            name: GroupName::of("consumers", name)?,
            lane: lanes.of(group).map(str::to_owned),
            scale: ConsumerScale::new(group, all_suspended || *suspend)?,
            suspended: all_suspended || *suspend,
            program: Program {
                image: image.as_deref().unwrap_or(own_image).to_owned(),
                command: self::command(image.as_deref(), command.as_deref(), "/eventpipeline-consumer"),
                is_ours: image.is_none(),
                contract: *contract,
                env: env.clone(),
                resources: self::resources(name, resources)?,
                grace_seconds: *termination_grace_period_seconds,
                pod: PodSettings::new(&format!("group {name:?}"), pod.as_ref())?,
            },
            handler: Handler::new(name, handler, *lease_seconds)?,
            concurrency: *concurrency,
            lease_seconds: *lease_seconds,
            max_attempts: *max_attempts,
            backoff: backoff.clone(),
        })
    }
}

/// Returns the author's command, or our program's for our own image.
fn command(image: Option<&str>, command: Option<&[String]>, own: &str) -> Option<Vec<String>> {
    let own = || vec![own.to_owned(), "serve".to_owned()];
    command.map(<[String]>::to_vec).or_else(|| image.is_none().then(own))
}

fn resources(group: &str, resources: &crd::Resources) -> Result<Resources, Error> {
    Resources::new(resources).map_err(|source| Error::Resources { of: format!("group {group:?}"), source })
}
