//! Decisions for groups that scale by their backlog. Pure.

use eventpipeline_crds::{EventPipelineStatus, GroupStatus};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::super::scale::{Decision, Reason};

/// Converts a decision into its part of the status.
pub(super) fn as_status(decision: &Decision) -> GroupStatus {
    let Decision { group, replicas, changed, reason, message } = decision;
    GroupStatus {
        name: group.clone(),
        replicas: *replicas,
        // In whole seconds, as the API server stores them.
        last_scale_time: changed.map(|time| Time(Timestamp::from_second(time.as_second()).unwrap_or(time))),
        reason: Some(<&str>::from(*reason).to_owned()),
        message: Some(message.clone()),
    }
}

/// Returns reasons and notes of Events about changed numbers and postponed decisions.
pub(in crate::eventpipeline) fn news(
    previous: Option<&EventPipelineStatus>,
    decisions: &[Decision],
) -> Vec<(&'static str, String)> {
    decisions.iter().flat_map(|decision| news_of(previous, decision)).collect()
}

fn news_of(previous: Option<&EventPipelineStatus>, decision: &Decision) -> Vec<(&'static str, String)> {
    let Decision { group, replicas, changed: _, reason, message } = decision;
    let before =
        previous.and_then(|status| status.consumer_groups.iter().find(|before| before.name == *group));
    let mut news = Vec::new();
    if let Some(before) = before
        && before.replicas != *replicas
    {
        let scaled = if *replicas > before.replicas { "ScaledOut" } else { "ScaledIn" };
        news.push((
            scaled,
            format!("consumers of group {group}: scaled from {} to {replicas}", before.replicas),
        ));
    }
    let reason_before = before.and_then(|before| before.reason.as_deref());
    let text: &'static str = reason.into();
    if !matches!(reason, Reason::AsNeeded | Reason::Suspended) && reason_before != Some(text) {
        news.push((text, format!("consumers of group {group}: {message}")));
    }
    news
}
