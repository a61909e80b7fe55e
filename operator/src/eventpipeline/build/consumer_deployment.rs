//! A group of consumers.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::EnvVar;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::{ConsumerGroup, Handler, Pipeline};
use super::environment::variable;
use super::group_deployment::{self, Group};
use super::meta::Component;
use super::pod::Share;

/// The Deployment of the group.
pub(super) fn build(pipeline: &Pipeline, group: &ConsumerGroup) -> Deployment {
    let ConsumerGroup { name, replicas, program, handler } = group;
    let group = Group {
        component: Component::Consumer,
        name,
        replicas: *replicas,
        program,
        surge: IntOrString::String("25%".to_owned()),
        // What is claimed is finished first, and may be slow.
        grace_seconds: 60,
        drain_seconds: 50,
        lifecycle: None,
        ports: Vec::new(),
        environment: environment(handler),
        share: Share { cpu: ("50m", "1"), memory: ("64Mi", "256Mi"), ephemeral_storage: ("16Mi", "256Mi") },
    };
    group_deployment::build(pipeline, group)
}

fn environment(handler: &Handler) -> Vec<EnvVar> {
    match handler {
        Handler::Words => vec![variable("HANDLER", "words")],
        Handler::WordApi { url } => {
            vec![variable("HANDLER", "word-api"), variable("WORD_API_URL", url.clone())]
        }
    }
}
