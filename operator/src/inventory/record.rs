//! What is kept of an object.

use std::borrow::Cow;
use std::marker::PhantomData;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Resource;
use kube::core::ObjectMeta;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::fields::digest_of_ours;
use crate::api::Object;
use crate::gateway::HTTPRoute;

/// What a reconcile may ask of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    uid: Box<str>,
    generation: i64,
    /// Uid of its controller.
    owner: Option<Box<str>>,
    /// Digest of the fields that are ours.
    pub(crate) ours: u64,
    /// Its essence as JSON.
    essence: Box<str>,
}

impl Record {
    fn of<K: Kind>(object: &Value) -> Self {
        let metadata = &object["metadata"];
        let owners = metadata["ownerReferences"].as_array();
        let owner = owners.into_iter().flatten().find(|owner| owner["controller"] == true);
        let uid = |of: &Value| of["uid"].as_str().unwrap_or_default().into();
        Self {
            uid: uid(metadata),
            generation: metadata["generation"].as_i64().unwrap_or_default(),
            owner: owner.map(uid),
            ours: digest_of_ours(object),
            essence: K::essence(object).to_string().into(),
        }
    }

    pub(crate) fn uid(&self) -> &str {
        &self.uid
    }

    /// Whether the pipeline of that uid is its controller.
    pub(crate) fn belongs_to(&self, uid: Option<&str>) -> bool {
        self.owner.as_deref().is_some_and(|owner| Some(owner) == uid)
    }

    /// The object that was applied as `wanted`, with what only the server knows of it.
    pub(crate) fn complete<K: Object>(&self, mut wanted: Value) -> Result<K, serde_json::Error> {
        let Value::Object(essence) = serde_json::from_str(&self.essence)? else {
            return Err(serde_json::Error::custom("the essence of an object is an object"));
        };
        wanted["metadata"]["uid"] = json!(self.uid);
        wanted["metadata"]["generation"] = json!(self.generation);
        merge(&mut wanted, essence);
        serde_json::from_value(wanted)
    }

    /// The essence by itself, as the kind's type.
    pub(crate) fn essence<K: Kind>(&self) -> Option<K> {
        serde_json::from_str(&self.essence).ok()
    }
}

/// Adds what is not there.
fn merge(object: &mut Value, other: Map<String, Value>) {
    for (name, value) in other {
        match (object.get_mut(&name), value) {
            (Some(mine), Value::Object(members)) if mine.is_object() => merge(mine, members),
            (Some(_), _) => {}
            (None, value) => object[name] = value,
        }
    }
}

/// A kind of objects whose watch is kept in the inventory.
pub(crate) trait Kind: Object {
    /// As `kind` says it.
    const NAME: &'static str;

    /// What is kept of an object: what status and decisions are made from.
    fn essence(object: &Value) -> Value {
        let mut essence = json!({"status": object["status"]});
        if let Some(replicas) = object["spec"].get("replicas") {
            essence["spec"] = json!({"replicas": replicas});
        }
        essence
    }
}

macro_rules! kinds {
    ($($kind:ty),* $(,)?) => {$(
        impl Kind for $kind {
            const NAME: &'static str = <$kind as k8s_openapi::Resource>::KIND;
        }
    )*};
}

kinds!(Deployment, Job, Service, Ingress, NetworkPolicy, PodDisruptionBudget, HorizontalPodAutoscaler,);

impl Kind for StatefulSet {
    const NAME: &'static str = <Self as k8s_openapi::Resource>::KIND;

    /// Its claim templates as well, which can't be changed.
    fn essence(object: &Value) -> Value {
        let spec = &object["spec"];
        json!({
            "spec": {"replicas": spec["replicas"], "volumeClaimTemplates": spec["volumeClaimTemplates"]},
            "status": object["status"],
        })
    }
}

impl Kind for PersistentVolumeClaim {
    const NAME: &'static str = <Self as k8s_openapi::Resource>::KIND;

    /// How large it is, and is to be.
    fn essence(object: &Value) -> Value {
        let status = &object["status"];
        json!({
            "spec": {"resources": object["spec"]["resources"]},
            "status": {"phase": status["phase"], "capacity": status["capacity"], "conditions": status["conditions"]},
        })
    }
}

impl Kind for HTTPRoute {
    const NAME: &'static str = "HTTPRoute";
}

impl Kind for Pod {
    const NAME: &'static str = <Self as k8s_openapi::Resource>::KIND;

    /// Without what nobody asks: a pod's status is long.
    fn essence(object: &Value) -> Value {
        let status = &object["status"];
        let containers = |list: &str| -> Value {
            let containers = status[list].as_array().into_iter().flatten().map(|container| {
                let mut container = container.clone();
                if let Some(fields) = container.as_object_mut() {
                    fields.retain(|name, _| CONTAINER.contains(&name.as_str()));
                }
                container
            });
            Value::Array(containers.collect())
        };
        let metadata = &object["metadata"];
        let cost = metadata["annotations"].get(DELETION_COST);
        let annotations: Map<_, _> =
            cost.map(|cost| (DELETION_COST.to_owned(), cost.clone())).into_iter().collect();
        json!({
            "metadata": {
                "name": metadata["name"],
                "labels": metadata["labels"],
                "annotations": annotations,
                "deletionTimestamp": metadata["deletionTimestamp"],
                "creationTimestamp": metadata["creationTimestamp"],
            },
            "status": {
                "phase": status["phase"],
                "podIP": status["podIP"],
                "conditions": status["conditions"],
                "containerStatuses": containers("containerStatuses"),
                "initContainerStatuses": containers("initContainerStatuses"),
            },
        })
    }
}

/// What makes a Deployment's controller remove a pod later than others.
pub(crate) const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

const CONTAINER: [&str; 7] = ["name", "image", "imageID", "ready", "restartCount", "state", "lastState"];

/// An object on its way from a watch into the inventory.
#[derive(Debug, Clone)]
pub(crate) struct Watched<K> {
    pub(super) metadata: ObjectMeta,
    pub(super) record: Record,
    kind: PhantomData<fn() -> K>,
}

impl<'de, K: Kind> Deserialize<'de> for Watched<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Value::deserialize(deserializer)?;
        let record = Record::of::<K>(&object);
        let mut metadata: ObjectMeta =
            serde_json::from_value(object["metadata"].clone()).map_err(D::Error::custom)?;
        metadata.managed_fields = None;
        metadata.annotations = None;
        Ok(Self { metadata, record, kind: PhantomData })
    }
}

impl<K: Kind> Resource for Watched<K> {
    type DynamicType = ();
    type Scope = K::Scope;

    fn kind(dynamic: &()) -> Cow<'_, str> {
        K::kind(dynamic)
    }

    fn group(dynamic: &()) -> Cow<'_, str> {
        K::group(dynamic)
    }

    fn version(dynamic: &()) -> Cow<'_, str> {
        K::version(dynamic)
    }

    fn plural(dynamic: &()) -> Cow<'_, str> {
        K::plural(dynamic)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_pod_is_a_pod() {
        for annotations in [json!({DELETION_COST: "3", "other": "1"}), Value::Null] {
            let pod = json!({
                "metadata": {"name": "a", "uid": "1", "annotations": annotations},
                "spec": {"containers": [{"name": "c"}]}, "status": {"podIP": "10.0.0.1"},
            });
            let kept = Record::of::<Pod>(&pod).essence::<Pod>().unwrap();
            assert_eq!(kept.metadata.annotations.unwrap().len(), usize::from(!annotations.is_null()));
            assert_eq!(kept.status.unwrap().pod_ip.unwrap(), "10.0.0.1");
        }
    }
}
