//! Dependencies between the objects of a pipeline.

use k8s_openapi::Resource;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};

use crate::cache::Kind as _;
use crate::gateway::HTTPRoute;
use crate::labels::Component;

/// Kind of an object, and the component that it belongs to.
pub(super) type Part<'a> = (&'a str, Option<&'a str>);

/// Returns whether `object` must not be applied while `missing` does not exist.
pub(super) fn needs(object: Part<'_>, missing: Part<'_>) -> bool {
    let ((kind, component), (missing, component_of_missing)) = (object, missing);
    let is_of = |component: Component| component_of_missing == Some(component.into());
    // No pod runs without its network policy.
    let own_policy = missing == NetworkPolicy::KIND && component_of_missing == component;
    match kind {
        // The database's pod reads passwords, and needs a DNS name and a volume of its own.
        StatefulSet::KIND => {
            let needed = [Secret::KIND, Service::KIND, PersistentVolumeClaim::KIND];
            own_policy || is_of(Component::Mysql) && needed.contains(&missing)
        }
        Job::KIND | Deployment::KIND => {
            let database = [Secret::KIND, Service::KIND, StatefulSet::KIND];
            own_policy || is_of(Component::Mysql) && database.contains(&missing)
        }
        Ingress::KIND | HTTPRoute::NAME => missing == Service::KIND && is_of(Component::Producer),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_needs_the_database_its_policy_or_its_service() {
        let mysql = Some("mysql");
        for (object, missing, expected) in [
            (("StatefulSet", mysql), ("PersistentVolumeClaim", mysql), true),
            (("StatefulSet", mysql), ("NetworkPolicy", mysql), true),
            (("StatefulSet", mysql), ("NetworkPolicy", Some("producer")), false),
            (("Deployment", Some("producer")), ("StatefulSet", mysql), true),
            (("Deployment", Some("producer")), ("Secret", mysql), true),
            (("Deployment", Some("producer")), ("Service", Some("producer")), false),
            (("Deployment", Some("producer")), ("PersistentVolumeClaim", mysql), false),
            (("Deployment", Some("consumer")), ("NetworkPolicy", Some("consumer")), true),
            (("Job", Some("schema")), ("NetworkPolicy", Some("consumer")), false),
            (("Ingress", Some("route")), ("Service", Some("producer")), true),
            (("HTTPRoute", Some("route")), ("Service", mysql), false),
            (("Service", mysql), ("NetworkPolicy", mysql), false),
        ] {
            assert_eq!(needs(object, missing), expected, "{object:?} without {missing:?}");
        }
    }
}
