//! The objects of a pipeline, before and after they are applied.

use std::ops::Deref;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Secret, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use super::validate::Size;
use crate::gateway::HTTPRoute;

/// A Secret to create.
#[derive(Debug, Clone)]
pub(super) struct NewSecret {
    /// The Secret without its data.
    pub(super) object: Secret,
    /// The content that its data is generated from when it is created.
    pub(super) content: SecretContent,
}

/// The content of a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SecretContent {
    /// The password of root, who can only log in from within the database's pod.
    Root,
    /// The password of the user that owns the schema, and the statements that create this user.
    Schema,
    /// The passwords of the users of producers and consumers.
    Users,
    /// A certificate for these names, and the authority that signed it.
    Certificate { names: Vec<String> },
}

/// The volume of a managed database.
///
/// The StatefulSet's controller creates the `PersistentVolumeClaim`. The operator only expands it.
#[derive(Debug, Clone)]
pub(super) struct DataVolume {
    /// Name of the `PersistentVolumeClaim`.
    pub(super) claim: String,
    /// Minimum size.
    pub(super) size: Size,
    pub(super) expansion: Expansion,
}

/// Progress of the expansion of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expansion {
    /// The volume is large enough, or does not exist yet.
    Done,
    /// The expansion is requested.
    InProgress,
    /// The API server refuses the expansion, with this message.
    Refused(String),
}

/// The objects of a pipeline.
#[derive(Debug)]
pub(super) struct Resources {
    pub(super) secrets: Vec<NewSecret>,
    pub(super) data_volume: Option<DataVolume>,
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
}

/// The objects of a pipeline as the API server returned them. A status can only be computed from these.
#[derive(Debug)]
pub(super) struct Applied(Resources);

impl Applied {
    pub(super) fn new(returned: Resources) -> Self {
        Self(returned)
    }
}

impl Deref for Applied {
    type Target = Resources;

    fn deref(&self) -> &Resources {
        &self.0
    }
}

/// One object of a pipeline.
pub(super) enum Object<'a> {
    NetworkPolicy(&'a mut NetworkPolicy),
    DisruptionBudget(&'a mut PodDisruptionBudget),
    Secret(&'a mut NewSecret),
    DataVolume(&'a mut DataVolume),
    Service(&'a mut Service),
    StatefulSet(&'a mut StatefulSet),
    SchemaJob(&'a mut Job),
    Deployment(&'a mut Deployment),
    Ingress(&'a mut Ingress),
    HttpRoute(&'a mut HTTPRoute),
    Autoscaler(&'a mut HorizontalPodAutoscaler),
}

impl Resources {
    /// Lists the objects, each one after those that it needs.
    ///
    /// This is the only list of all fields. It is exhaustive, so that a new field can't be forgotten.
    pub(super) fn objects(&mut self) -> Vec<Object<'_>> {
        let Self {
            secrets,
            data_volume,
            mysql_service,
            mysql_stateful_set,
            schema_job,
            wakeups_service,
            producer_service,
            producer_deployments,
            consumer_deployments,
            ingress,
            http_route,
            network_policies,
            disruption_budgets,
            autoscalers,
        } = self;
        let mut objects = Vec::new();
        // Before the pods that they select.
        objects.extend(network_policies.iter_mut().map(Object::NetworkPolicy));
        objects.extend(disruption_budgets.iter_mut().map(Object::DisruptionBudget));
        // Before the pods that mount them.
        objects.extend(secrets.iter_mut().map(Object::Secret));
        objects.extend(data_volume.iter_mut().map(Object::DataVolume));
        // Before the pod that gets its DNS name from it.
        objects.extend(mysql_service.iter_mut().map(Object::Service));
        objects.extend(mysql_stateful_set.iter_mut().map(Object::StatefulSet));
        // The Job waits for the database; producers and consumers wait for the schema.
        objects.push(Object::SchemaJob(schema_job));
        // Before the pods that look each other up in it, and before the routes that lead to it.
        objects.extend([wakeups_service, producer_service].map(Object::Service));
        let deployments = producer_deployments.iter_mut().chain(consumer_deployments);
        objects.extend(deployments.map(Object::Deployment));
        objects.extend(ingress.iter_mut().map(Object::Ingress));
        objects.extend(http_route.iter_mut().map(Object::HttpRoute));
        // After the Deployments that they scale.
        objects.extend(autoscalers.iter_mut().map(Object::Autoscaler));
        objects
    }
}

#[cfg(test)]
impl std::ops::DerefMut for Applied {
    fn deref_mut(&mut self) -> &mut Resources {
        &mut self.0
    }
}
