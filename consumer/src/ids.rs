//! Lists of ids in log lines.

use eventpipeline_database::EventId;

/// Maximum number of ids in a log line.
const MOST: usize = 20;

/// Returns the ids as text, or the first ids of a long list.
pub(crate) fn listed(ids: &[EventId]) -> String {
    let listed = ids.iter().take(MOST).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if ids.len() > MOST { listed + ", ..." } else { listed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut() {
        let ids: Vec<EventId> = (1..=1000).filter_map(EventId::new).collect();
        assert_eq!(listed(&ids[..3]), "1, 2, 3");
        assert!(listed(&ids).ends_with("19, 20, ..."), "{}", listed(&ids));
    }
}
