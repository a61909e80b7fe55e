//! Escaping of foreign text on a terminal: payloads, values and errors must not move the cursor, set the title or change the
//! direction of text.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Escapes every character that controls a terminal, as JSON does.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    replaced(text, |character| match character {
        '\n' => Some("\\n".to_owned()),
        '\r' => Some("\\r".to_owned()),
        '\t' => Some("\\t".to_owned()),
        other => code(other),
    })
}

/// Returns a JSON document in one line. Line breaks only occur between tokens. Characters that control a terminal only occur in
/// strings, where they are escaped if `for_terminal` is set.
pub(crate) fn one_line(json: &str, for_terminal: bool) -> Cow<'_, str> {
    replaced(json, |character| match character {
        '\n' | '\r' => Some(" ".to_owned()),
        '\t' => None,
        other => code(other).filter(|_| for_terminal),
    })
}

fn replaced(text: &str, replacement: impl Fn(char) -> Option<String>) -> Cow<'_, str> {
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut replaced = String::with_capacity(text.len());
    for character in text.chars() {
        match replacement(character) {
            Some(instead) => replaced.push_str(&instead),
            None => replaced.push(character),
        }
    }
    Cow::Owned(replaced)
}

fn code(character: char) -> Option<String> {
    obeyed(character).then(|| {
        let mut code = String::new();
        // Writing to a string cannot fail.
        let _ = write!(code, "\\u{:04x}", u32::from(character));
        code
    })
}

/// Returns true for control characters (C0, DEL, C1) and for characters that change the direction of text.
fn obeyed(character: char) -> bool {
    let turns = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    character.is_control() || turns
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escaped("olá, 世界 👩‍🚀 \\u001b"), "olá, 世界 👩‍🚀 \\u001b");
        assert_eq!(escaped("\u{1b}]0;owned\u{7}"), "\\u001b]0;owned\\u0007");
        assert_eq!(escaped("a\nb\r\tc\0"), "a\\nb\\r\\tc\\u0000");
        assert_eq!(escaped("\u{7f}\u{9b}31m\u{202e}\u{2066}"), "\\u007f\\u009b31m\\u202e\\u2066");
    }

    #[test]
    fn a_document_is_one_line_and_stays_the_same() {
        let json = "{\n\t\"a\": \"\u{9b}\u{7f}\"\r\n}";
        assert_eq!(one_line(json, false), "{ \t\"a\": \"\u{9b}\u{7f}\"  }");
        assert_eq!(one_line(json, true), "{ \t\"a\": \"\\u009b\\u007f\"  }");
        assert_eq!(one_line("{\"a\": \"ç\"}", true), "{\"a\": \"ç\"}");
    }

    proptest! {
        #[test]
        fn no_control_character_is_left(text in any::<String>()) {
            prop_assert!(!escaped(&text).contains(obeyed));
        }

        #[test]
        fn an_escaped_document_is_the_same_document(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            let line = one_line(&json, true);
            prop_assert!(!line.contains(obeyed));
            prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }
    }
}
