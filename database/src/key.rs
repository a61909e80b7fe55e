//! Creations that a client may repeat: the key that it gives them, and what tells whether it is the same creation.

use sha2::{Digest as _, Sha256};

use crate::create::{NewEvent, NotBefore};

/// A name for a creation, chosen by the client, as in `Idempotency-Key`
/// (draft-ietf-httpapi-idempotency-key-header).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// Why a text cannot be an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key has 1 to {} characters, each printable ASCII", IdempotencyKey::MAX_CHARS)]
pub struct InvalidKey;

impl IdempotencyKey {
    /// The width of its column.
    pub const MAX_CHARS: usize = 255;

    /// Checks a text.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidKey> {
        let text = text.into();
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if text.is_empty() || text.len() > Self::MAX_CHARS || !printable {
            Err(InvalidKey)
        } else {
            Ok(Self(text))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// SHA-256 of everything that makes events what they are.
pub(crate) fn fingerprint(events: &[NewEvent]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for event in events {
        // Each part says how long it is: no two lists of events give the same bytes.
        let payload = event.payload.as_deref();
        hash.update(payload.map_or(u64::MAX, |payload| payload.len() as u64).to_be_bytes());
        hash.update(payload.unwrap_or_default());
        hash.update([event.priority.get()]);
        // No time is so far in the past.
        let not_before = match event.not_before {
            None => i64::MIN,
            Some(NotBefore::Delay(seconds)) => i64::MIN + 1 + i64::from(seconds),
            Some(NotBefore::At(time)) => time.as_microsecond(),
        };
        hash.update(not_before.to_be_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_and_printable() {
        for wrong in ["", "ç", "a\tb", &"x".repeat(256)] {
            assert_eq!(IdempotencyKey::new(wrong), Err(InvalidKey), "{wrong:?}");
        }
        assert!(IdempotencyKey::new("x".repeat(255)).is_ok());
        assert!(IdempotencyKey::new("order 17/a").is_ok());
    }

    #[test]
    fn other_events_have_another_fingerprint() {
        let event =
            |payload: Option<&str>| NewEvent { payload: payload.map(str::to_owned), ..NewEvent::default() };
        let lists = [
            vec![event(None)],
            vec![event(Some(""))],
            vec![event(None), event(None)],
            vec![event(Some("1"))],
            vec![event(Some("1")), event(Some("2"))],
            vec![event(Some("12")), event(Some(""))],
            vec![NewEvent { priority: crate::Priority::MAX, ..NewEvent::default() }],
            vec![NewEvent { not_before: Some(jiff::Timestamp::UNIX_EPOCH.into()), ..NewEvent::default() }],
            vec![NewEvent { not_before: Some(NotBefore::Delay(0)), ..NewEvent::default() }],
            vec![NewEvent { not_before: Some(NotBefore::Delay(1)), ..NewEvent::default() }],
        ];
        let distinct: std::collections::HashSet<_> = lists.iter().map(|events| fingerprint(events)).collect();
        assert_eq!(distinct.len(), lists.len());
    }
}
