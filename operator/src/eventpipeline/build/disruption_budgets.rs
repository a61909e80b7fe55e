//! Limits on voluntary disruptions, such as the draining of nodes.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::{Database, Pipeline};
use super::meta::{Labels, group_name, group_selector, match_labels, mysql_name, owned, selector};
use crate::labels::Component;

/// Builds a budget for each group and for the database.
pub(super) fn build(pipeline: &Pipeline) -> Vec<PodDisruptionBudget> {
    let groups = pipeline.producers.iter().map(|group| (Component::Producer, &group.name));
    let groups = groups.chain(pipeline.consumers.iter().map(|group| (Component::Consumer, &group.name)));
    let mut budgets: Vec<_> = groups
        .map(|(component, group)| {
            let name = group_name(pipeline, component, group);
            one_at_a_time(pipeline, name, group_selector(pipeline, component, group))
        })
        .collect();
    if let Database::Managed(_) = &pipeline.database {
        budgets.push(one_at_a_time(pipeline, mysql_name(pipeline), selector(pipeline, Component::Mysql)));
    }
    budgets
}

/// Allows one eviction at a time, and that of unready pods always, so that a budget never blocks the draining
/// of a node.
fn one_at_a_time(pipeline: &Pipeline, name: String, selector: Labels) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: owned(pipeline, name, selector.clone()),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(match_labels(selector)),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}
