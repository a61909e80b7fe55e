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

use super::fields::{digest_of_ours, is_ours, our_template};
use super::ownership::{Controller, Whose, of_labelled};
use crate::api::Object;
use crate::eventpipeline::COMPONENT;
use crate::gateway::HTTPRoute;

/// What a reconcile may ask of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    uid: Box<str>,
    generation: i64,
    controller: Option<Controller>,
    /// What it is for.
    component: Option<Box<str>>,
    /// Digest of the fields that are ours.
    pub(crate) ours: u64,
    /// Whether `replicas` is one of them.
    pub(crate) replicas_are_ours: bool,
    /// Its essence as JSON.
    essence: Box<str>,
    /// What its pods are made of, as JSON and as far as it is ours, of kinds whose pods go on.
    template: Option<Box<str>>,
}

impl Record {
    fn of<K: Kind>(object: &Value) -> Self {
        let metadata = &object["metadata"];
        let component = metadata["labels"][COMPONENT].as_str();
        Self {
            uid: metadata["uid"].as_str().unwrap_or_default().into(),
            generation: metadata["generation"].as_i64().unwrap_or_default(),
            controller: ObjectMeta::deserialize(metadata).ok().as_ref().and_then(Controller::of),
            component: component.map(Into::into),
            ours: digest_of_ours(object),
            replicas_are_ours: is_ours(object, &["f:spec", "f:replicas"]),
            essence: K::essence(object).to_string().into(),
            template: K::template(object).map(|template| template.to_string().into()),
        }
    }

    pub(crate) fn uid(&self) -> &str {
        &self.uid
    }

    /// What it is for, by its label.
    pub(crate) fn component(&self) -> Option<&str> {
        self.component.as_deref()
    }

    /// Whether the pipeline of that uid is its controller.
    pub(crate) fn belongs_to(&self, uid: Option<&str>) -> bool {
        self.controller.as_ref().is_some_and(|controller| controller.is(uid))
    }

    /// Whose it is, in the eyes of the pipeline of that name and uid.
    pub(crate) fn whose(&self, pipeline: &str, uid: Option<&str>) -> Whose {
        of_labelled(self.controller.as_ref(), pipeline, uid)
    }

    /// Whether it has a controller that is not the one of that uid.
    pub(crate) fn has_another_controller(&self, uid: Option<&str>) -> bool {
        self.controller.as_ref().is_some_and(|controller| !controller.is(uid))
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

    /// What its pods are made of, as far as it is ours.
    pub(crate) fn template(&self) -> Option<Value> {
        serde_json::from_str(self.template.as_deref()?).ok()
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

fn owned_pair((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

/// How the annotations begin that the operator leaves for itself.
const NOTES: &str = "eventpipeline.dev/";

/// A kind of objects whose watch is kept in the inventory.
pub(crate) trait Kind: Object {
    /// As `kind` says it.
    const NAME: &'static str;

    /// What is kept of the template of its pods.
    fn template(_: &Value) -> Option<Value> {
        None
    }

    /// What is kept of an object: what status and decisions are made from.
    fn essence(object: &Value) -> Value {
        let mut essence = json!({"status": object["status"]});
        let notes = object["metadata"]["annotations"].as_object();
        let ours = |(name, _): &(&String, &Value)| name.starts_with(NOTES);
        let notes: Map<_, _> = notes.into_iter().flatten().filter(ours).map(owned_pair).collect();
        if !notes.is_empty() {
            essence["metadata"] = json!({"annotations": notes});
        }
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

kinds!(Job, Service, Ingress, NetworkPolicy, PodDisruptionBudget, HorizontalPodAutoscaler,);

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
