//! Second step: from what the author wrote to what can be built. Pure.
//!
//! The API server has held the spec to most of this already. A resource definition that is older or newer than this
//! operator may have let something else by, which must end as a message, not as a loop of refused objects.

mod names;
mod size;

use std::collections::{BTreeMap, HashSet};

use eventpipeline_crds as crd;
use eventpipeline_crds::EventPipeline;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource as _, ResourceExt as _};

pub(super) use names::{GroupName, PipelineName};
pub(super) use size::Size;

/// What the author must change.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Error {
    #[error("`metadata.name` is {name:?} and {source}")]
    PipelineName { name: String, source: names::Error },
    #[error("`{list}` has a group named {name:?}, and {source}")]
    GroupName { list: &'static str, name: String, source: names::Error },
    #[error("`{list}` must have at least one group")]
    NoGroup { list: &'static str },
    #[error("`{list}` must have distinct names, and {name:?} is there twice")]
    SameName { list: &'static str, name: String },
    #[error("`replicas` of group {group:?} is {replicas} and must be from 1 to 1000")]
    Replicas { group: String, replicas: i32 },
    #[error("`size` of the storage is {size:?} and must be a quantity from 1Gi to 64Ti, such as 10Gi")]
    Size { size: String },
    #[error("`{union}` must set exactly one of {members}, as far as this version of the operator knows")]
    Union { union: &'static str, members: &'static str },
    #[error("`url` of group {group:?} is {url:?} and must be an absolute http or https URL")]
    Url { group: String, url: String },
    #[error("`{field}` must be set by the API server")]
    Metadata { field: &'static str },
}

/// A pipeline that can be built: there is no reason left for the API server to refuse an object made of this.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    pub(super) name: PipelineName,
    pub(super) namespace: String,
    pub(super) owner: OwnerReference,
    /// The operator's own image, for what runs in no group's image.
    pub(super) image: String,
    pub(super) database: Database,
    pub(super) producers: Vec<ProducerGroup>,
    pub(super) consumers: Vec<ConsumerGroup>,
    pub(super) route: Route,
}

#[derive(Debug, Clone)]
pub(super) enum Database {
    Managed { image: String, size: Size, class_name: Option<String> },
}

#[derive(Debug, Clone)]
pub(super) struct ProducerGroup {
    pub(super) name: GroupName,
    pub(super) replicas: i32,
    pub(super) program: Program,
}

#[derive(Debug, Clone)]
pub(super) struct ConsumerGroup {
    pub(super) name: GroupName,
    pub(super) replicas: i32,
    pub(super) program: Program,
    pub(super) handler: Handler,
}

/// What a container runs; without a command the image's own entrypoint.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) image: String,
    pub(super) command: Option<Vec<String>>,
}

#[derive(Debug, Clone)]
pub(super) enum Handler {
    Words,
    WordApi { url: String },
}

#[derive(Debug, Clone)]
pub(super) enum Route {
    Ingress {
        class_name: Option<String>,
        host: Option<String>,
        path: String,
        annotations: BTreeMap<String, String>,
    },
    None,
}

/// Takes the spec apart without `..`: a field that is added to it is forgotten nowhere.
pub(super) fn validate(pipeline: &EventPipeline, image: &str) -> Result<Pipeline, Error> {
    let crd::EventPipelineSpec {
        suspend,
        database,
        producers,
        consumers,
        retention: _,
        route,
        network_policy: _,
    } = &pipeline.spec;
    let name = pipeline.name_any();
    let producers =
        producers.iter().map(|group| producer_group(group, image)).collect::<Result<Vec<_>, _>>()?;
    distinct("producers", producers.iter().map(|group| &group.name))?;
    let consumers = consumers
        .iter()
        .map(|group| consumer_group(group, *suspend, image))
        .collect::<Result<Vec<_>, _>>()?;
    distinct("consumers", consumers.iter().map(|group| &group.name))?;
    Ok(Pipeline {
        name: PipelineName::new(&name).map_err(|source| Error::PipelineName { name, source })?,
        namespace: pipeline.namespace().ok_or(Error::Metadata { field: "metadata.namespace" })?,
        owner: pipeline.controller_owner_ref(&()).ok_or(Error::Metadata { field: "metadata.uid" })?,
        image: image.to_owned(),
        database: self::database(database)?,
        producers,
        consumers,
        route: self::route(route.as_ref())?,
    })
}

fn database(database: &crd::Database) -> Result<Database, Error> {
    let crd::Database { managed, external: _ } = database;
    let Some(crd::ManagedDatabase { image, storage, deletion_policy: _, resources: _, config: _, pod: _ }) =
        managed
    else {
        return Err(Error::Union { union: "database", members: "`managed` and `external`" });
    };
    let crd::Storage { size, class_name } = storage;
    let parsed = Size::new(size).ok_or_else(|| Error::Size { size: size.clone() })?;
    Ok(Database::Managed { image: image.clone(), size: parsed, class_name: class_name.clone() })
}

fn producer_group(group: &crd::ProducerGroup, own_image: &str) -> Result<ProducerGroup, Error> {
    let crd::ProducerGroup {
        name,
        replicas,
        autoscaling: _,
        image,
        command,
        env: _,
        resources: _,
        termination_grace_period_seconds: _,
        pod: _,
    } = group;
    Ok(ProducerGroup {
        name: group_name("producers", name)?,
        replicas: self::replicas(name, *replicas)?,
        program: program(image.as_deref(), command.as_deref(), own_image, "/eventpipeline-producer"),
    })
}

fn consumer_group(
    group: &crd::ConsumerGroup,
    all_suspended: bool,
    own_image: &str,
) -> Result<ConsumerGroup, Error> {
    let crd::ConsumerGroup {
        name,
        replicas,
        autoscaling: _,
        suspend,
        image,
        command,
        handler,
        concurrency: _,
        lease_seconds: _,
        max_attempts: _,
        backoff: _,
        env: _,
        resources: _,
        termination_grace_period_seconds: _,
        pod: _,
    } = group;
    let replicas = self::replicas(name, *replicas)?;
    Ok(ConsumerGroup {
        name: group_name("consumers", name)?,
        replicas: if *suspend || all_suspended { 0 } else { replicas },
        program: program(image.as_deref(), command.as_deref(), own_image, "/eventpipeline-consumer"),
        handler: self::handler(name, handler)?,
    })
}

fn handler(group: &str, handler: &crd::Handler) -> Result<Handler, Error> {
    match handler {
        crd::Handler { words: Some(crd::WordsHandler {}), word_api: None, http: None } => Ok(Handler::Words),
        crd::Handler {
            words: None,
            word_api: Some(crd::WordApiHandler { url, timeout_seconds: _ }),
            http: None,
        } => {
            if !["http://", "https://"]
                .iter()
                .any(|scheme| url.len() > scheme.len() && url.starts_with(scheme))
            {
                return Err(Error::Url { group: group.to_owned(), url: url.clone() });
            }
            Ok(Handler::WordApi { url: url.clone() })
        }
        _ => Err(Error::Union { union: "handler", members: "`words`, `wordApi` and `http`" }),
    }
}

fn route(route: Option<&crd::Route>) -> Result<Route, Error> {
    match route.cloned().unwrap_or_default() {
        crd::Route { ingress: Some(ingress), http_route: None, none: None } => {
            let crd::IngressRoute { class_name, host, path, tls: _, annotations } = ingress;
            Ok(Route::Ingress { class_name, host, path, annotations })
        }
        crd::Route { ingress: None, http_route: None, none: Some(crd::NoRoute {}) } => Ok(Route::None),
        _ => Err(Error::Union { union: "route", members: "`ingress`, `httpRoute` and `none`" }),
    }
}

fn program(image: Option<&str>, command: Option<&[String]>, own_image: &str, own_command: &str) -> Program {
    let own = || vec![own_command.to_owned()];
    Program {
        image: image.unwrap_or(own_image).to_owned(),
        command: command.map(<[String]>::to_vec).or_else(|| image.is_none().then(own)),
    }
}

fn group_name(list: &'static str, name: &str) -> Result<GroupName, Error> {
    GroupName::new(name).map_err(|source| Error::GroupName { list, name: name.to_owned(), source })
}

fn replicas(group: &str, replicas: Option<i32>) -> Result<i32, Error> {
    let replicas = replicas.unwrap_or(2);
    if (1..=1000).contains(&replicas) {
        Ok(replicas)
    } else {
        Err(Error::Replicas { group: group.to_owned(), replicas })
    }
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
