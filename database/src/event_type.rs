//! Types of events, and patterns that select types.

use std::fmt;

/// The type of an event: `order.created`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(String);

/// Types of events: one type (`order.created`), or all types that begin alike (`order.*`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypePattern(String);

/// The error for a text that is neither.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidType {
    /// The text is too long, or empty.
    #[error("it has {chars} characters; it must have 1 to {max}", max = EventType::MAX_CHARS)]
    Length {
        /// Length of the text.
        chars: usize,
    },
    /// A character is not allowed.
    #[error(
        "it contains {0:?}; it must consist of letters and digits of ASCII and of `.`, `_`, `-`, `/`, `:` and `+`"
    )]
    Character(char),
    /// The text begins or ends with a separator.
    #[error("it must begin and end with a letter or a digit")]
    Ends,
}

impl EventType {
    /// Maximum length, the width of `Events.type`.
    pub const MAX_CHARS: usize = 255;

    /// Validates a text.
    ///
    /// # Errors
    /// Returns [`InvalidType`] unless the text has 1 to 255 ASCII letters, digits and separators (`.`, `_`, `-`, `/`, `:`, `+`),
    /// and begins and ends with a letter or a digit.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidType> {
        let text = text.into();
        check_length(&text)?;
        check_characters(&text)?;
        Ok(Self(text))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the patterns that match this type, the one that decides first: the type itself, then longer beginnings before
    /// shorter ones.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = String> {
        let beginnings = self.0.match_indices('.').map(|(at, _)| format!("{}.*", &self.0[..at]));
        std::iter::once(self.0.clone()).chain(beginnings.collect::<Vec<_>>().into_iter().rev())
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TypePattern {
    /// Validates a text.
    ///
    /// # Errors
    /// Returns [`InvalidType`] unless the text is a type, or a type followed by `.*`, with at most 255 characters.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidType> {
        let text = text.into();
        check_length(&text)?;
        check_characters(text.strip_suffix(".*").unwrap_or(&text))?;
        Ok(Self(text))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TypePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn check_length(text: &str) -> Result<(), InvalidType> {
    match text.chars().count() {
        1..=EventType::MAX_CHARS => Ok(()),
        chars => Err(InvalidType::Length { chars }),
    }
}

fn check_characters(text: &str) -> Result<(), InvalidType> {
    let is_allowed = |char: &char| char.is_ascii_alphanumeric() || "._-/:+".contains(*char);
    if let Some(other) = text.chars().find(|char| !is_allowed(char)) {
        return Err(InvalidType::Character(other));
    }
    let is_end = |char: Option<char>| char.is_some_and(|char| char.is_ascii_alphanumeric());
    if is_end(text.chars().next()) && is_end(text.chars().next_back()) {
        Ok(())
    } else {
        Err(InvalidType::Ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_letters_digits_and_separators_between_them() {
        for valid in ["a", "order.created", "com.github.pull_request:opened/v2", "A+1-b", &"x".repeat(255)] {
            assert!(EventType::new(valid).is_ok(), "{valid}");
            assert!(TypePattern::new(valid).is_ok(), "{valid}");
        }
        assert_eq!(EventType::new(""), Err(InvalidType::Length { chars: 0 }));
        assert_eq!(EventType::new("x".repeat(256)), Err(InvalidType::Length { chars: 256 }));
        for (text, char) in [("a b", ' '), ("a\nb", '\n'), ("é", 'é'), ("order.*", '*'), ("a\0b", '\0')] {
            assert_eq!(EventType::new(text), Err(InvalidType::Character(char)));
        }
        for text in [".a", "a.", "-"] {
            assert_eq!(EventType::new(text), Err(InvalidType::Ends));
        }
    }

    #[test]
    fn a_pattern_ends_with_a_star_after_a_point() {
        assert!(TypePattern::new("order.*").is_ok());
        for text in ["*", "order*", "order.*.created", ".*", "*.created", "order.**", ""] {
            assert!(TypePattern::new(text).is_err(), "{text}");
        }
        assert!(TypePattern::new(format!("{}.*", "x".repeat(253))).is_ok());
        assert!(TypePattern::new(format!("{}.*", "x".repeat(254))).is_err());
    }

    #[test]
    fn the_longest_pattern_decides() {
        let patterns = |text: &str| EventType::new(text).unwrap().patterns().collect::<Vec<_>>();
        assert_eq!(patterns("order"), ["order"]);
        assert_eq!(patterns("order.line.added"), ["order.line.added", "order.line.*", "order.*"]);
    }
}
