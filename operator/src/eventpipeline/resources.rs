//! The objects of a pipeline, before and after they were applied.

use std::marker::PhantomData;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use super::build::secrets::NewSecret;
use super::validate::Size;
use crate::gateway::HTTPRoute;

/// As they must be.
#[derive(Debug)]
pub(super) struct Prepared;

/// As the API server answered them when they were applied: status can only be computed from these.
#[derive(Debug)]
pub(super) struct Applied;

/// The claim of the database's volume.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) name: String,
    /// How large it must be at least.
    pub(super) size: Size,
    pub(super) growth: Growth,
}

/// How the growth of a volume is going.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Growth {
    /// It is large enough, or not there yet.
    Done,
    /// It is asked for.
    UnderWay,
    /// The API server does not allow it, and says why.
    Refused(String),
}

/// The objects of a pipeline.
#[derive(Debug)]
pub(super) struct Resources<State> {
    /// Without their data: it is made when they are created, and never read.
    pub(super) secrets: Vec<NewSecret>,
    pub(super) mysql_claim: Option<Claim>,
    pub(super) mysql_service: Option<Service>,
    pub(super) mysql_stateful_set: Option<StatefulSet>,
    pub(super) schema_job: Job,
    pub(super) wakeups_service: Service,
    pub(super) producer_service: Service,
    pub(super) producer_deployments: Vec<Deployment>,
    pub(super) consumer_deployments: Vec<Deployment>,
    pub(super) ingress: Option<Ingress>,
    pub(super) http_route: Option<HTTPRoute>,
    pub(super) network_policies: Vec<NetworkPolicy>,
    pub(super) disruption_budgets: Vec<PodDisruptionBudget>,
    pub(super) autoscalers: Vec<HorizontalPodAutoscaler>,
    pub(super) state: PhantomData<State>,
}
