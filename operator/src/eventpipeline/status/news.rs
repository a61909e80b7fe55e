//! Changes of conditions that are published as Events.

use eventpipeline_crds::EventPipelineStatus;
use eventpipeline_crds::conditions::types;
use kube::runtime::events::EventType;

use super::conditions::{FALSE, TRUE, find};

/// An Event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::eventpipeline) struct News {
    pub(in crate::eventpipeline) type_: EventType,
    pub(in crate::eventpipeline) reason: &'static str,
    pub(in crate::eventpipeline) note: String,
}

/// Conditions of the components, each one after those that it needs.
const COMPONENTS: [&str; 5] = [
    types::DATABASE_READY,
    types::SCHEMA_READY,
    types::PRODUCERS_READY,
    types::CONSUMERS_READY,
    types::ROUTE_ACCEPTED,
];
const NOT_READY: &str = "NotReady";

/// Returns the components that have become ready, and whether the pipeline became ready or unready.
pub(in crate::eventpipeline) fn of(
    previous: Option<&EventPipelineStatus>,
    status: &EventPipelineStatus,
) -> Vec<News> {
    let before = |type_| find(previous?, type_).map(|condition| condition.status.as_str());
    let becomes = |type_, wanted| {
        let condition = find(status, type_).filter(|condition| condition.status == wanted)?;
        (before(type_) != Some(wanted)).then_some(condition)
    };
    let mut news: Vec<_> = COMPONENTS
        .into_iter()
        .filter_map(|type_| Some(normal(type_, becomes(type_, TRUE)?.message.clone())))
        .collect();
    if let Some(ready) = becomes(types::READY, TRUE) {
        let url = status.url.as_deref().map(|url| format!("; the API is at {url}")).unwrap_or_default();
        news.push(normal(types::READY, format!("{}{url}", ready.message)));
    }
    if let Some(ready) = becomes(types::READY, FALSE)
        && before(types::READY) == Some(TRUE)
        // A stall has its own Event.
        && find(status, types::STALLED).is_none_or(|condition| condition.status != TRUE)
    {
        // A change of the spec is expected to take a while; anything else is a warning.
        let changed = previous.is_some_and(|it| it.observed_generation != status.observed_generation);
        let type_ = if changed { EventType::Normal } else { EventType::Warning };
        news.push(News { type_, reason: NOT_READY, note: ready.message.clone() });
    }
    news
}

fn normal(reason: &'static str, note: String) -> News {
    News { type_: EventType::Normal, reason, note }
}
