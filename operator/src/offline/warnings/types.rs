//! Events that no group takes by their type or key, and types that another item of the list covers.

use eventpipeline_crds::ConsumerGroup;

use super::super::finding::Finding;
use crate::eventpipeline::DefaultLane;

/// Returns the warnings about the `types` of all groups. Events may have keys if the pipeline has rules for them.
pub(super) fn of(groups: &[ConsumerGroup], has_keys: bool) -> Vec<Finding> {
    let redundant = groups.iter().enumerate().flat_map(|(at, group)| redundant(at, group, groups));
    not_taken(groups).into_iter().chain(keys_not_taken(groups, has_keys)).chain(redundant).collect()
}

fn not_taken(groups: &[ConsumerGroup]) -> Option<Finding> {
    let message = match DefaultLane::of(groups) {
        DefaultLane::NotTaken if !groups.is_empty() => {
            "every group has `types`: events without a type, and those of other types, wait until a group takes them; add a \
             group without `types` unless there are no such events"
        }
        DefaultLane::Classic if groups.iter().any(|group| group.types.is_some()) => {
            "the groups without `types` are `Classic` and take only events without a type: those of other types wait until \
             a group takes them; add a group without `types` whose `contract` is `Current`"
        }
        _ => return None,
    };
    Some(Finding::warning("spec.consumers", message))
}

fn keys_not_taken(groups: &[ConsumerGroup], has_keys: bool) -> Option<Finding> {
    (has_keys && DefaultLane::of(groups) == DefaultLane::Classic).then(|| {
        let message = "the groups without `types` are `Classic` and take only events without a key: events with a key wait; add \
                       a group without `types` whose `contract` is `Current`";
        Finding::warning("spec.keys", message)
    })
}

/// Finds types that would reach the group without their item: the longest other match is in the same list.
fn redundant(at: usize, group: &ConsumerGroup, groups: &[ConsumerGroup]) -> Vec<Finding> {
    let own: Vec<&String> = group.types.iter().flatten().collect();
    let all = || groups.iter().flat_map(|group| group.types.iter().flatten());
    let finding = |(place, item): (usize, &&String)| {
        let longest = all().filter(|pattern| covers(pattern, item)).max_by_key(|pattern| pattern.len())?;
        own.contains(&longest).then(|| {
            let message = format!("{item:?} is redundant: {longest:?} of the same list covers it");
            Finding::warning(format!("spec.consumers[{at}].types[{place}]"), message)
        })
    };
    own.iter().enumerate().filter_map(finding).collect()
}

/// Returns whether `pattern` is the beginning of the type, or of all types, that `item` stands for.
fn covers(pattern: &str, item: &str) -> bool {
    pattern != item && pattern.strip_suffix('*').is_some_and(|beginning| item.starts_with(beginning))
}
