//! Second step: converts the author's spec into types that can be built. Pure.
//!
//! The API server has checked most rules already. A resource definition of another version may have accepted
//! a spec that breaks one. That must result in a message, and not in a loop of refused objects.

mod amount;
mod certificate_term;
mod database;
mod groups;
mod handler;
mod keys;
mod lanes;
mod names;
mod pods;
pub(super) mod quantity;
mod replicas;
mod retention;
mod route;
mod schema_job;
mod size;

use std::collections::HashSet;

use clap::ValueEnum;
use eventpipeline_crds as crd;
use eventpipeline_crds::EventPipeline;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource as _, ResourceExt as _};

pub(super) use amount::{Amounts, Resources};
pub(super) use database::{Database, DatabaseWay, ExternalDatabase, ManagedDatabase};
pub(super) use groups::{ConsumerGroup, ProducerGroup, Program};
pub(super) use handler::Handler;
pub(super) use keys::Keys;
pub(super) use lanes::Lanes;
pub(super) use names::{GroupName, PipelineName};
pub(super) use pods::PodSettings;
pub(crate) use quantity::bytes;
pub(super) use replicas::{ConsumerScale, Handover, ProducerScale};
pub(super) use retention::Retention;
pub(super) use route::{Route, Way};
pub(super) use schema_job::SchemaJob;
pub(super) use size::Size;

/// A rule that the spec breaks.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Error {
    #[error("`metadata.name` is {name:?} and {source}")]
    PipelineName { name: String, source: names::Error },
    #[error("`{list}` has a group named {name:?}, and {source}")]
    GroupName { list: &'static str, name: String, source: names::Error },
    #[error("`{list}` must have at least one group")]
    NoGroup { list: &'static str },
    #[error("`{list}` must have distinct names, and {name:?} occurs twice")]
    SameName { list: &'static str, name: String },
    #[error("`replicas` of group {group:?} is {replicas} and must be from 1 to 1000")]
    Replicas { group: String, replicas: i32 },
    #[error("group {group:?} must not set both `replicas` and `autoscaling`")]
    ReplicasAndAutoscaling { group: String },
    #[error(
        "`autoscaling` of group {group:?} has `minReplicas` {min} and `maxReplicas` {max}, which must be from {least} to \
         1000 and in ascending order"
    )]
    ReplicaBounds { group: String, least: i32, min: i32, max: i32 },
    #[error("`resources` of {of} are invalid")]
    Resources { of: String, source: amount::Error },
    #[error("`limits.memory` of the database must be at least 1Gi")]
    DatabaseMemory,
    #[error("`config` of the database sets {name:?}, which is not one of the supported tuning options")]
    Option { name: String },
    #[error("`tls` and `proxyPort` of the external database must not be set together")]
    TlsAndProxy,
    #[error(
        "`{list}` of the pods of {of} has {name:?}, which occurs twice or is the name of one of the operator's"
    )]
    PodName { of: String, list: &'static str, name: String },
    #[error("`volumeMounts` of the pods of {of} names {name:?}, which is not one of their `volumes`")]
    NoVolume { of: String, name: String },
    #[error("`host` of the Ingress must be set if `tls` is set")]
    TlsWithoutHost,
    #[error("exactly one of `{field}` and `anyHost: true` must be set")]
    Hosts { field: &'static str },
    #[error("`backoff` of group {group:?} must have `initialSeconds` of at most `maxSeconds`")]
    Backoff { group: String },
    #[error("`timeoutSeconds` of group {group:?} must be less than `leaseSeconds`, which is {lease_seconds}")]
    TimeoutOverLease { group: String, lease_seconds: i32 },
    #[error("`size` of the storage is {size:?} and must be a quantity from 1Gi to 64Ti, such as 10Gi")]
    Size { size: String },
    #[error("`{union}` must set exactly one of {members}; this version of the operator knows no others")]
    Union { union: &'static str, members: &'static str },
    #[error("`url` of group {group:?} is {url:?} and must be an absolute http or https URL")]
    Url { group: String, url: String },
    #[error(transparent)]
    Lanes(#[from] lanes::Error),
    #[error(transparent)]
    Keys(#[from] keys::Error),
    #[error("`{field}` must be set by the API server")]
    Metadata { field: &'static str },
}

/// The users and groups of pods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum UserIds {
    /// The user and group of each image
    #[default]
    Fixed,
    /// Users and groups that the platform assigns, as OpenShift does
    Platform,
}

/// A pipeline that can be built. The API server has no reason to refuse its objects.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    pub(super) name: PipelineName,
    pub(super) namespace: String,
    pub(super) owner: OwnerReference,
    /// The operator's own image, the default for all groups.
    pub(super) image: String,
    pub(super) database: Database,
    /// Uid of the claim of a managed database's volume, if the volume exists.
    pub(super) volume: Option<String>,
    /// Number of the current certificate of a managed database.
    pub(super) certificate_term: i64,
    pub(super) schema_job: SchemaJob,
    pub(super) producers: Vec<ProducerGroup>,
    pub(super) consumers: Vec<ConsumerGroup>,
    /// Lanes of the groups that have `types`.
    pub(super) lanes: Lanes,
    /// Rules for events with a key, if they may have any.
    pub(super) keys: Option<Keys>,
    pub(super) retention: Retention,
    pub(super) network_policy: crd::NetworkPolicy,
    pub(super) user_ids: UserIds,
    /// Route from outside the cluster, if any.
    pub(super) route: Option<Route>,
    /// True if the route is not published because its host and path are taken.
    pub(super) route_withheld: bool,
}

impl Pipeline {
    /// Returns the names of the suspended groups of consumers.
    pub(super) fn suspended_consumers(&self) -> Vec<String> {
        let suspended = self.consumers.iter().filter(|group| group.suspended);
        suspended.map(|group| group.name.to_string()).collect()
    }

    /// Returns whether the route needs the Gateway API.
    pub(super) fn asks_for_gateway(&self) -> bool {
        self.route.as_ref().is_some_and(|route| matches!(route.way, Way::Gateway(_)))
    }

    /// Returns the URL of the API inside the cluster.
    pub(super) fn service_url(&self) -> String {
        format!("http://{}-producers.{}.svc", self.name, self.namespace)
    }

    /// Returns the route unless it is withheld.
    pub(super) fn published_route(&self) -> Option<&Route> {
        self.route.as_ref().filter(|_| !self.route_withheld)
    }

    /// Sets the volume of a managed database.
    pub(super) fn with_volume(mut self, volume: Option<String>) -> Self {
        if let Database::Managed(_) = &self.database {
            self.volume = volume;
        }
        self
    }

    /// Sets the users and groups of the pods.
    pub(super) fn with_user_ids(self, user_ids: UserIds) -> Self {
        Self { user_ids, ..self }
    }

    /// Sets the size in the claim template of an existing StatefulSet.
    pub(super) fn with_first_size(mut self, first_size: Option<String>) -> Self {
        if let Database::Managed(database) = &mut self.database {
            database.first_size = first_size;
        }
        self
    }
}

/// Validates the spec. It is destructured without `..`, so that a new field can't be forgotten.
pub(super) fn validate(pipeline: &EventPipeline, image: &str, now: Timestamp) -> Result<Pipeline, Error> {
    let crd::EventPipelineSpec {
        suspend,
        database,
        schema_job,
        producers,
        consumers,
        keys,
        retention,
        route,
        network_policy,
    } = &pipeline.spec;
    let name = pipeline.name_any();
    let created = pipeline.creation_timestamp().map(|created| created.0);
    let producers =
        producers.iter().map(|group| ProducerGroup::new(group, image)).collect::<Result<Vec<_>, _>>()?;
    distinct("producers", producers.iter().map(|group| &group.name))?;
    let lanes = Lanes::new(consumers)?;
    let consumers = consumers
        .iter()
        .map(|group| ConsumerGroup::new(group, &lanes, *suspend, image))
        .collect::<Result<Vec<_>, _>>()?;
    distinct("consumers", consumers.iter().map(|group| &group.name))?;
    let database = Database::new(database)?;
    Ok(Pipeline {
        name: PipelineName::new(&name).map_err(|source| Error::PipelineName { name, source })?,
        namespace: pipeline.namespace().ok_or(Error::Metadata { field: "metadata.namespace" })?,
        owner: pipeline.controller_owner_ref(&()).ok_or(Error::Metadata { field: "metadata.uid" })?,
        image: image.to_owned(),
        schema_job: SchemaJob::new(schema_job, &database, &producers)?,
        database,
        volume: None,
        certificate_term: certificate_term::of(created, now),
        producers,
        consumers,
        lanes,
        keys: keys.as_ref().map(Keys::new).transpose()?,
        retention: Retention::new(retention),
        network_policy: network_policy.clone(),
        route: route.as_ref().map(Route::new).transpose()?,
        user_ids: UserIds::default(),
        route_withheld: false,
    })
}

fn distinct<'a>(list: &'static str, names: impl Iterator<Item = &'a GroupName>) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Error::SameName { list, name: name.to_string() });
        }
    }
    if seen.is_empty() { Err(Error::NoGroup { list }) } else { Ok(()) }
}
