//! Lists of ids in log lines.

use eventpipeline_database::EventId;

/// How many ids a log line holds.
const MOST: usize = 20;

/// The ids, or the first of many.
pub(crate) fn shown(ids: &[EventId]) -> String {
    let listed = ids.iter().take(MOST).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if ids.len() > MOST { listed + ", ..." } else { listed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut() {
        let ids: Vec<EventId> = (1..=1000).filter_map(EventId::new).collect();
        assert_eq!(shown(&ids[..3]), "1, 2, 3");
        assert!(shown(&ids).ends_with("19, 20, ..."), "{}", shown(&ids));
    }
}
