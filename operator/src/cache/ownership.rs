//! Ownership of objects, decided by their labels and their controller.

use eventpipeline_crds::EventPipeline;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource as _;
use kube::core::ObjectMeta;

use super::PipelineKey;
use crate::labels::{INSTANCE, MANAGED_BY, MANAGER};

/// Owner of an object that has the name of one of the pipeline's objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The pipeline owns the object.
    Ours,
    /// The object belonged to a deleted pipeline of the same name, or was restored without an owner. The
    /// pipeline may adopt it.
    LeftBehind,
    /// Something else owns the object. The operator never changes it.
    Foreign,
}

/// The controller in the owner references of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Controller {
    uid: Box<str>,
    /// Name of the controller if it is an EventPipeline.
    pipeline: Option<Box<str>>,
}

impl Controller {
    pub(super) fn of(metadata: &ObjectMeta) -> Option<Self> {
        let owners = metadata.owner_references.as_deref().unwrap_or_default();
        let owner = owners.iter().find(|owner| owner.controller == Some(true))?;
        let pipeline = is_pipeline(owner).then(|| owner.name.as_str().into());
        Some(Self { uid: owner.uid.as_str().into(), pipeline })
    }

    pub(super) fn is(&self, uid: Option<&str>) -> bool {
        uid == Some(&self.uid)
    }
}

fn is_pipeline(owner: &OwnerReference) -> bool {
    let group = owner.api_version.split_once('/').map(|(group, _)| group);
    group == Some(&*EventPipeline::group(&())) && owner.kind == EventPipeline::kind(&())
}

/// Returns the owner of an object that carries the pipeline's labels.
pub(super) fn of_labelled(controller: Option<&Controller>, pipeline: &str, uid: Option<&str>) -> Whose {
    match controller {
        None => Whose::LeftBehind,
        Some(controller) if controller.is(uid) => Whose::Ours,
        // At most one pipeline of this name exists at a time.
        Some(controller) if controller.pipeline.as_deref() == Some(pipeline) => Whose::LeftBehind,
        Some(_) => Whose::Foreign,
    }
}

/// Returns the owner of any object in the namespace of the pipeline.
pub(crate) fn whose(metadata: &ObjectMeta, pipeline: &PipelineKey, uid: Option<&str>) -> Whose {
    let label = |name: &str| metadata.labels.as_ref()?.get(name).map(String::as_str);
    let managed = label(MANAGED_BY) == Some(MANAGER);
    if managed && label(INSTANCE) == Some(&pipeline.name) {
        of_labelled(Controller::of(metadata).as_ref(), &pipeline.name, uid)
    } else {
        Whose::Foreign
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn whose_is(labels: &Value, owner: &Value) -> Whose {
        let metadata = json!({"name": "shop-mysql", "labels": labels, "ownerReferences": owner});
        let pipeline = PipelineKey { namespace: "a".to_owned(), name: "shop".to_owned() };
        whose(&serde_json::from_value(metadata).unwrap(), &pipeline, Some("1"))
    }

    fn ours() -> Value {
        json!({"app.kubernetes.io/managed-by": "eventpipeline-operator", "app.kubernetes.io/instance": "shop"})
    }

    fn owner(kind: &str, name: &str, uid: &str) -> Value {
        let version = "eventpipeline.dev/v1alpha1";
        json!([{"apiVersion": version, "kind": kind, "name": name, "uid": uid, "controller": true}])
    }

    #[test]
    fn labels_and_controller_together_determine_the_owner() {
        assert_eq!(whose_is(&ours(), &owner("EventPipeline", "shop", "1")), Whose::Ours);
        assert_eq!(whose_is(&ours(), &owner("EventPipeline", "shop", "0")), Whose::LeftBehind);
        assert_eq!(whose_is(&ours(), &Value::Null), Whose::LeftBehind);
        assert_eq!(whose_is(&ours(), &owner("EventPipeline", "other", "2")), Whose::Foreign);
        assert_eq!(whose_is(&ours(), &owner("Shop", "shop", "2")), Whose::Foreign);
        assert_eq!(whose_is(&json!({}), &owner("EventPipeline", "shop", "1")), Whose::Foreign);
        assert_eq!(whose_is(&json!({"app.kubernetes.io/instance": "shop"}), &Value::Null), Whose::Foreign);
    }
}
