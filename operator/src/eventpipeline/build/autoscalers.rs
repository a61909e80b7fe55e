//! Autoscalers of groups of producers that scale by CPU usage.

use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec,
    MetricTarget, ResourceMetricSource,
};

use super::super::validate::{Pipeline, ProducerGroup, ProducerScale};
use super::meta::{group_name, group_selector, owned};
use crate::labels::Component;

/// Builds an autoscaler for each group of producers that requests one.
pub(super) fn build(pipeline: &Pipeline) -> Vec<HorizontalPodAutoscaler> {
    pipeline.producers.iter().filter_map(|group| autoscaler(pipeline, group)).collect()
}

fn autoscaler(pipeline: &Pipeline, group: &ProducerGroup) -> Option<HorizontalPodAutoscaler> {
    let ProducerScale::Cpu { min, max, target_percentage } = group.scale else { return None };
    let name = group_name(pipeline, Component::Producer, &group.name);
    Some(HorizontalPodAutoscaler {
        metadata: owned(pipeline, name.clone(), group_selector(pipeline, Component::Producer, &group.name)),
        spec: Some(HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some("apps/v1".to_owned()),
                kind: "Deployment".to_owned(),
                name,
            },
            min_replicas: Some(min),
            max_replicas: max,
            metrics: Some(vec![MetricSpec {
                type_: "Resource".to_owned(),
                resource: Some(ResourceMetricSource {
                    name: "cpu".to_owned(),
                    target: MetricTarget {
                        type_: "Utilization".to_owned(),
                        average_utilization: Some(target_percentage),
                        ..MetricTarget::default()
                    },
                }),
                ..MetricSpec::default()
            }]),
            behavior: None,
        }),
        status: None,
    })
}
