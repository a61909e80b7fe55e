//! The kinds of objects that are cached, and the fields that are kept of each.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Map, Value, json};

use super::fields::our_template;
use crate::api::Object;
use crate::gateway::HTTPRoute;

/// Annotation by which a Deployment's controller chooses the pods to remove first: those with the lowest
/// cost.
pub(crate) const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// Prefix of the annotations in which the operator stores its own state.
const OUR_ANNOTATIONS: &str = "eventpipeline.dev/";

/// Fields that are kept of a container's status.
const CONTAINER: [&str; 7] = ["name", "image", "imageID", "ready", "restartCount", "state", "lastState"];

/// A kind of objects that is cached.
pub(crate) trait Kind: Object {
    /// Value of the field `kind`.
    const NAME: &'static str;

    /// Returns the part of the pod template that is kept.
    fn template(_: &Value) -> Option<Value> {
        None
    }

    /// Returns the part of an object that status and decisions are computed from.
    fn snapshot(object: &Value) -> Value {
        let mut snapshot = json!({"status": object["status"]});
        let annotations = object["metadata"]["annotations"].as_object();
        let ours = |(name, _): &(&String, &Value)| name.starts_with(OUR_ANNOTATIONS);
        let annotations: Map<_, _> = annotations.into_iter().flatten().filter(ours).map(owned_pair).collect();
        if !annotations.is_empty() {
            snapshot["metadata"] = json!({"annotations": annotations});
        }
        if let Some(replicas) = object["spec"].get("replicas") {
            snapshot["spec"] = json!({"replicas": replicas});
        }
        snapshot
    }
}

fn owned_pair((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

macro_rules! kinds {
    ($($kind:ty),* $(,)?) => {$(
        impl Kind for $kind {
            const NAME: &'static str = <$kind as k8s_openapi::Resource>::KIND;
        }
    )*};
}

kinds!(Job, Service, Ingress, NetworkPolicy, PodDisruptionBudget, HorizontalPodAutoscaler,);

impl Kind for HTTPRoute {
    const NAME: &'static str = "HTTPRoute";
}

impl Kind for Deployment {
    const NAME: &'static str = <Self as k8s_openapi::Resource>::KIND;

    fn template(object: &Value) -> Option<Value> {
        our_template(object)
    }
}

impl Kind for StatefulSet {
    const NAME: &'static str = <Self as k8s_openapi::Resource>::KIND;

    fn template(object: &Value) -> Option<Value> {
        our_template(object)
    }

    /// Keeps the volume claim templates as well. They are immutable.
    fn snapshot(object: &Value) -> Value {
        let spec = &object["spec"];
        json!({
            "spec": {"replicas": spec["replicas"], "volumeClaimTemplates": spec["volumeClaimTemplates"]},
            "status": object["status"],
        })
    }
}

impl Kind for PersistentVolumeClaim {
    const NAME: &'static str = <Self as k8s_openapi::Resource>::KIND;

    /// Keeps the requested and the actual size.
    fn snapshot(object: &Value) -> Value {
        let status = &object["status"];
        json!({
            "spec": {"resources": object["spec"]["resources"]},
            "status": {"phase": status["phase"], "capacity": status["capacity"], "conditions": status["conditions"]},
        })
    }
}

impl Kind for Pod {
    const NAME: &'static str = <Self as k8s_openapi::Resource>::KIND;

    /// Keeps a selection of the status, which is long.
    fn snapshot(object: &Value) -> Value {
        let status = &object["status"];
        let metadata = &object["metadata"];
        let cost = metadata["annotations"].get(DELETION_COST);
        let annotations: Map<_, _> =
            cost.map(|cost| (DELETION_COST.to_owned(), cost.clone())).into_iter().collect();
        json!({
            "metadata": {
                "name": metadata["name"],
                "uid": metadata["uid"],
                "labels": metadata["labels"],
                "annotations": annotations,
                "deletionTimestamp": metadata["deletionTimestamp"],
                "creationTimestamp": metadata["creationTimestamp"],
            },
            "status": {
                "phase": status["phase"],
                "podIP": status["podIP"],
                "conditions": status["conditions"],
                "containerStatuses": container_statuses(&status["containerStatuses"]),
                "initContainerStatuses": container_statuses(&status["initContainerStatuses"]),
            },
        })
    }
}

fn container_statuses(containers: &Value) -> Value {
    let containers = containers.as_array().into_iter().flatten().map(|container| {
        let mut container = container.clone();
        if let Some(fields) = container.as_object_mut() {
            fields.retain(|name, _| CONTAINER.contains(&name.as_str()));
        }
        container
    });
    Value::Array(containers.collect())
}

#[cfg(test)]
mod tests {
    use super::super::Record;
    use super::*;

    #[test]
    fn the_snapshot_of_a_pod_is_a_valid_pod() {
        for annotations in [json!({DELETION_COST: "3", "other": "1"}), Value::Null] {
            let pod = json!({
                "metadata": {"name": "a", "uid": "1", "annotations": annotations},
                "spec": {"containers": [{"name": "c"}]}, "status": {"podIP": "10.0.0.1"},
            });
            let kept = Record::of::<Pod>(&pod).snapshot::<Pod>().unwrap();
            assert_eq!(kept.metadata.annotations.unwrap().len(), usize::from(!annotations.is_null()));
            assert_eq!(kept.status.unwrap().pod_ip.unwrap(), "10.0.0.1");
        }
    }
}
