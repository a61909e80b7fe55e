//! Scheduling, labels and annotations of pods.

use std::collections::BTreeMap;

use eventpipeline_crds as crd;
use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodAffinity,
    PodAffinityTerm, PodAntiAffinity, PodSpec, PreferredSchedulingTerm, Toleration, TopologySpreadConstraint,
    WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::meta::{Labels, match_labels};

/// Returns the metadata of a pod template: these labels, and the labels and annotations of the author.
pub(super) fn metadata(pod: &crd::Pod, labels: Labels) -> ObjectMeta {
    let mut all = pod.labels.clone();
    // Ours take precedence, because selectors depend on them.
    all.extend(labels);
    ObjectMeta { labels: Some(all), annotations: non_empty(pod.annotations.clone()), ..ObjectMeta::default() }
}

/// Applies the author's scheduling rules. `selector` selects the pods that are spread together.
pub(super) fn place(pod: &crd::Pod, selector: &Labels, spec: PodSpec) -> PodSpec {
    let tolerations: Vec<_> = pod.tolerations.iter().map(toleration).collect();
    let spread = pod.topology_spread.iter().map(|spread| self::spread(spread, selector)).collect::<Vec<_>>();
    PodSpec {
        node_selector: non_empty(pod.node_selector.clone()),
        affinity: affinity(pod),
        tolerations: Some(tolerations).filter(|tolerations| !tolerations.is_empty()),
        topology_spread_constraints: Some(spread)
            .filter(|spread| !spread.is_empty())
            .or(spec.topology_spread_constraints),
        priority_class_name: pod.priority_class_name.clone(),
        ..spec
    }
}

fn non_empty(map: BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    Some(map).filter(|map| !map.is_empty())
}

fn affinity(pod: &crd::Pod) -> Option<Affinity> {
    let affinity = Affinity {
        node_affinity: node_affinity(&pod.node_affinity),
        pod_affinity: pod_affinity(&pod.pod_affinity),
        pod_anti_affinity: pod_affinity(&pod.pod_anti_affinity).map(|affinity| PodAntiAffinity {
            required_during_scheduling_ignored_during_execution: affinity
                .required_during_scheduling_ignored_during_execution,
            preferred_during_scheduling_ignored_during_execution: affinity
                .preferred_during_scheduling_ignored_during_execution,
        }),
    };
    Some(affinity).filter(|affinity| *affinity != Affinity::default())
}

/// Required rules become one term, so that all of them must match.
fn node_affinity(wanted: &[crd::NodeAffinity]) -> Option<NodeAffinity> {
    let term = |expressions| NodeSelectorTerm { match_expressions: Some(expressions), match_fields: None };
    let mut required = Vec::new();
    let mut preferred = Vec::new();
    for wanted in wanted {
        let crd::NodeAffinity { key, operator, values, weight } = wanted;
        let requirement = NodeSelectorRequirement {
            key: key.clone(),
            operator: operator.name().to_owned(),
            values: Some(values.clone()).filter(|values| !values.is_empty()),
        };
        match weight {
            None => required.push(requirement),
            Some(weight) => preferred
                .push(PreferredSchedulingTerm { preference: term(vec![requirement]), weight: *weight }),
        }
    }
    let required = (!required.is_empty()).then(|| NodeSelector { node_selector_terms: vec![term(required)] });
    let preferred = Some(preferred).filter(|terms| !terms.is_empty());
    (required.is_some() || preferred.is_some()).then_some(NodeAffinity {
        required_during_scheduling_ignored_during_execution: required,
        preferred_during_scheduling_ignored_during_execution: preferred,
    })
}

fn pod_affinity(wanted: &[crd::PodAffinity]) -> Option<PodAffinity> {
    let mut required = Vec::new();
    let mut preferred = Vec::new();
    for wanted in wanted {
        let crd::PodAffinity { labels, topology_key, weight } = wanted;
        let pod_affinity_term = PodAffinityTerm {
            label_selector: Some(match_labels(labels.clone())),
            topology_key: topology_key.clone(),
            ..PodAffinityTerm::default()
        };
        match weight {
            None => required.push(pod_affinity_term),
            Some(weight) => preferred.push(WeightedPodAffinityTerm { pod_affinity_term, weight: *weight }),
        }
    }
    (!wanted.is_empty()).then(|| PodAffinity {
        required_during_scheduling_ignored_during_execution: Some(required).filter(|terms| !terms.is_empty()),
        preferred_during_scheduling_ignored_during_execution: Some(preferred)
            .filter(|terms| !terms.is_empty()),
    })
}

fn toleration(toleration: &crd::Toleration) -> Toleration {
    let crd::Toleration { key, operator, value, effect, toleration_seconds } = toleration;
    let operator = match operator {
        crd::TolerationOperator::Equal => "Equal",
        crd::TolerationOperator::Exists => "Exists",
    };
    let effect = effect.map(|effect| match effect {
        crd::TaintEffect::NoSchedule => "NoSchedule",
        crd::TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        crd::TaintEffect::NoExecute => "NoExecute",
    });
    Toleration {
        key: key.clone(),
        operator: Some(operator.to_owned()),
        value: value.clone(),
        effect: effect.map(str::to_owned),
        toleration_seconds: *toleration_seconds,
    }
}

fn spread(spread: &crd::TopologySpread, selector: &Labels) -> TopologySpreadConstraint {
    let crd::TopologySpread { topology_key, max_skew, when_unsatisfiable } = spread;
    let when_unsatisfiable = match when_unsatisfiable {
        crd::WhenUnsatisfiable::ScheduleAnyway => "ScheduleAnyway",
        crd::WhenUnsatisfiable::DoNotSchedule => "DoNotSchedule",
    };
    TopologySpreadConstraint {
        topology_key: topology_key.clone(),
        max_skew: *max_skew,
        when_unsatisfiable: when_unsatisfiable.to_owned(),
        label_selector: Some(match_labels(selector.clone())),
        // Pods of the template that is being replaced don't count.
        match_label_keys: Some(vec!["pod-template-hash".to_owned()]),
        ..TopologySpreadConstraint::default()
    }
}

/// Spreads pods over the nodes, if possible.
pub(super) fn over_nodes(selector: &Labels) -> TopologySpreadConstraint {
    let over_nodes = crd::TopologySpread {
        topology_key: "kubernetes.io/hostname".to_owned(),
        max_skew: 1,
        when_unsatisfiable: crd::WhenUnsatisfiable::ScheduleAnyway,
    };
    spread(&over_nodes, selector)
}
