//! A Portuguese word for each event from a built-in list, without any network.

use std::sync::LazyLock;

use eventpipeline_database::EventId;

static WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| include_str!("words.txt").lines().collect());

/// Step between the words of neighboring events. It is coprime to the length of the list.
const STRIDE: u64 = 7919;

/// Returns the word of an event. It is the same at every attempt, so handling an event twice does no harm.
pub(super) fn word_for(id: EventId) -> &'static str {
    let length = WORDS.len() as u64;
    let index = id.get().unsigned_abs().wrapping_mul(STRIDE) % length;
    usize::try_from(index).ok().and_then(|index| WORDS.get(index)).copied().unwrap_or("palavra")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use eventpipeline_database::Value;

    use super::*;

    #[test]
    fn the_list_has_hundreds_of_distinct_valid_words() {
        let distinct: HashSet<&str> = WORDS.iter().copied().collect();
        assert_eq!(distinct.len(), WORDS.len());
        assert!(WORDS.len() >= 300, "{}", WORDS.len());
        for word in WORDS.iter() {
            assert!(
                Value::new(*word).is_ok() && word.trim() == *word && word.chars().all(char::is_alphabetic),
                "{word:?}"
            );
        }
    }

    #[test]
    fn consecutive_events_get_all_words() {
        let words: HashSet<&str> = (1..).filter_map(EventId::new).take(WORDS.len()).map(word_for).collect();
        assert_eq!(words.len(), WORDS.len());
    }
}
