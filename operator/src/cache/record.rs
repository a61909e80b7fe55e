//! The part of an object that the cache keeps.

use std::borrow::Cow;
use std::marker::PhantomData;

use kube::Resource;
use kube::core::ObjectMeta;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::fields::{digest_of_ours, is_ours};
use super::kinds::Kind;
use super::ownership::{Controller, Whose, of_labelled};
use crate::api::Object;
use crate::labels::COMPONENT;

/// The part of an object that a reconciliation needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    uid: Box<str>,
    generation: i64,
    controller: Option<Controller>,
    component: Option<Box<str>>,
    /// Digest of the fields that our field manager owns.
    pub(crate) ours: u64,
    /// Our field manager owns `replicas`.
    pub(crate) replicas_are_ours: bool,
    /// JSON of the fields that status and decisions are computed from.
    snapshot: Box<str>,
    /// JSON of the pod template, reduced to the fields that our field manager owns. Only kinds that run pods
    /// forever have one.
    template: Option<Box<str>>,
}

impl Record {
    pub(super) fn of<K: Kind>(object: &Value) -> Self {
        let metadata = &object["metadata"];
        let component = metadata["labels"][COMPONENT].as_str();
        Self {
            uid: metadata["uid"].as_str().unwrap_or_default().into(),
            generation: metadata["generation"].as_i64().unwrap_or_default(),
            controller: ObjectMeta::deserialize(metadata).ok().as_ref().and_then(Controller::of),
            component: component.map(Into::into),
            ours: digest_of_ours(object),
            replicas_are_ours: is_ours(object, &["f:spec", "f:replicas"]),
            snapshot: K::snapshot(object).to_string().into(),
            template: K::template(object).map(|template| template.to_string().into()),
        }
    }

    pub(crate) fn uid(&self) -> &str {
        &self.uid
    }

    /// Returns the value of the component label.
    pub(crate) fn component(&self) -> Option<&str> {
        self.component.as_deref()
    }

    /// Returns whether the pipeline with this UID is the controller of the object.
    pub(crate) fn belongs_to(&self, uid: Option<&str>) -> bool {
        self.controller.as_ref().is_some_and(|controller| controller.is(uid))
    }

    /// Returns the owner of the object, relative to the pipeline with this name and UID.
    pub(crate) fn whose(&self, pipeline: &str, uid: Option<&str>) -> Whose {
        of_labelled(self.controller.as_ref(), pipeline, uid)
    }

    /// Returns whether something other than the pipeline with this UID is the controller of the object.
    pub(crate) fn has_another_controller(&self, uid: Option<&str>) -> bool {
        self.controller.as_ref().is_some_and(|controller| !controller.is(uid))
    }

    /// Returns the object that was applied as `wanted`, completed with the fields that only the API server
    /// knows.
    pub(crate) fn complete<K: Object>(&self, mut wanted: Value) -> Result<K, serde_json::Error> {
        let Value::Object(snapshot) = serde_json::from_str(&self.snapshot)? else {
            return Err(serde_json::Error::custom("the snapshot of an object is not a JSON object"));
        };
        wanted["metadata"]["uid"] = json!(self.uid);
        wanted["metadata"]["generation"] = json!(self.generation);
        merge(&mut wanted, snapshot);
        serde_json::from_value(wanted)
    }

    /// Returns the pod template, reduced to the fields that our field manager owns.
    pub(crate) fn template(&self) -> Option<Value> {
        serde_json::from_str(self.template.as_deref()?).ok()
    }

    /// Returns the snapshot as an object of its kind.
    pub(crate) fn snapshot<K: Kind>(&self) -> Option<K> {
        serde_json::from_str(&self.snapshot).ok()
    }
}

/// Adds the members of `other` that `object` lacks.
fn merge(object: &mut Value, other: Map<String, Value>) {
    for (name, value) in other {
        match (object.get_mut(&name), value) {
            (Some(mine), Value::Object(members)) if mine.is_object() => merge(mine, members),
            (Some(_), _) => {}
            (None, value) => object[name] = value,
        }
    }
}

/// An object received from a watch, already reduced to its record.
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
