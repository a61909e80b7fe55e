//! Idempotency keys, which clients give to creations that they may repeat.

/// A client's name for a creation, as in the `Idempotency-Key` header
/// (draft-ietf-httpapi-idempotency-key-header).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// The error for a text that is not an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key has 1 to {} characters, each printable ASCII", IdempotencyKey::MAX_CHARS)]
pub struct InvalidKey;

impl IdempotencyKey {
    /// Maximum length, the width of the column.
    pub const MAX_CHARS: usize = 255;

    /// Validates a text.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidKey> {
        let text = text.into();
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if text.is_empty() || text.len() > Self::MAX_CHARS || !printable {
            Err(InvalidKey)
        } else {
            Ok(Self(text))
        }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
}
