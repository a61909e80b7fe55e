//! The identity of a claim.

use std::collections::{HashMap, HashSet};

use eventpipeline_database::{Claimed, EventId};

/// An event and the fence token of its claim. An event that was lost and claimed again has another key.
pub(crate) type ClaimKey = (EventId, i64);

/// Returns the key of a claim.
pub(crate) fn key(claim: &Claimed) -> ClaimKey {
    (claim.id, claim.token)
}

/// Returns the claims of events that have a later claim in the list. They are lost: an event's last token is
/// its highest.
///
/// The database answers with ids, which cannot tell two claims of one event apart. So no statement may have
/// both.
pub(crate) fn superseded<'a>(claims: impl Iterator<Item = &'a Claimed>) -> HashSet<ClaimKey> {
    let mut latest: HashMap<EventId, i64> = HashMap::new();
    let mut superseded = HashSet::new();
    for claim in claims {
        let token = latest.entry(claim.id).or_insert(claim.token);
        if *token != claim.token {
            superseded.insert((claim.id, claim.token.min(*token)));
            *token = claim.token.max(*token);
        }
    }
    superseded
}

/// Returns a claim for tests.
#[cfg(test)]
pub(crate) fn test_claim(id: i64, token: i64) -> Claimed {
    Claimed {
        id: EventId::new(id).unwrap(),
        token,
        attempt: 1,
        payload: None,
        age: std::time::Duration::ZERO,
        event_type: None,
        key: None,
        trace: None,
        isolation: eventpipeline_database::Isolation::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_the_last_claim_of_an_event_are_superseded() {
        let claims = [
            test_claim(1, 5),
            test_claim(2, 1),
            test_claim(1, 7),
            test_claim(1, 6),
            test_claim(3, 9),
            test_claim(3, 9),
        ];
        let event = EventId::new(1).unwrap();
        assert_eq!(superseded(claims.iter()), HashSet::from([(event, 5), (event, 6)]));
        assert!(superseded(claims[1..3].iter()).is_empty());
    }
}
