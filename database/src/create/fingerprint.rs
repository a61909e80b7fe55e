//! The fingerprint that tells whether two creations with the same key are equal.

use sha2::{Digest as _, Sha256};

use super::types::{NewEvent, NotBefore};

/// Returns the SHA-256 of everything that defines the events.
pub(super) fn fingerprint(events: &[NewEvent]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for event in events {
        // Each part is preceded by its length, so that distinct lists never yield the same bytes.
        let payload = event.payload.as_deref();
        hash.update(payload.map_or(u64::MAX, |payload| payload.len() as u64).to_be_bytes());
        hash.update(payload.unwrap_or_default());
        hash.update([event.priority.get()]);
        // No time is as early as these values.
        let not_before = match event.not_before {
            None => i64::MIN,
            Some(NotBefore::Delay(seconds)) => i64::MIN + 1 + i64::from(seconds),
            Some(NotBefore::At(time)) => time.as_microsecond(),
        };
        hash.update(not_before.to_be_bytes());
        if let Some(event_type) = &event.event_type {
            // No payload has this length, nor that of keys.
            hash.update((u64::MAX - 1).to_be_bytes());
            hash.update((event_type.as_str().len() as u64).to_be_bytes());
            hash.update(event_type.as_str());
        }
        if let Some(key) = &event.key {
            hash.update((u64::MAX - 2).to_be_bytes());
            hash.update((key.as_str().len() as u64).to_be_bytes());
            hash.update(key.as_str());
        }
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Priority;
    use crate::event_key::EventKey;
    use crate::event_type::EventType;

    #[test]
    fn distinct_lists_of_events_have_distinct_fingerprints() {
        let event =
            |payload: Option<&str>| NewEvent { payload: payload.map(str::to_owned), ..NewEvent::default() };
        let lists = [
            vec![event(None)],
            vec![event(Some(""))],
            vec![event(None), event(None)],
            vec![event(Some("1"))],
            vec![event(Some("1")), event(Some("2"))],
            vec![event(Some("12")), event(Some(""))],
            vec![NewEvent { priority: Priority::MAX, ..NewEvent::default() }],
            vec![NewEvent { not_before: Some(jiff::Timestamp::UNIX_EPOCH.into()), ..NewEvent::default() }],
            vec![NewEvent { not_before: Some(NotBefore::Delay(0)), ..NewEvent::default() }],
            vec![NewEvent { not_before: Some(NotBefore::Delay(1)), ..NewEvent::default() }],
            vec![NewEvent { event_type: EventType::new("a").ok(), ..NewEvent::default() }],
            vec![NewEvent { event_type: EventType::new("b").ok(), ..NewEvent::default() }],
            vec![NewEvent { key: EventKey::new("a").ok(), ..NewEvent::default() }],
            vec![NewEvent { key: EventKey::new("b").ok(), ..NewEvent::default() }],
            vec![NewEvent { event_type: EventType::new("a").ok(), ..NewEvent::default() }, event(None)],
            vec![event(None), NewEvent { event_type: EventType::new("a").ok(), ..NewEvent::default() }],
        ];
        let distinct: std::collections::HashSet<_> = lists.iter().map(|events| fingerprint(events)).collect();
        assert_eq!(distinct.len(), lists.len());
    }
}
