//! Payloads: JSON text, stored as it was posted.

use serde::de::IgnoredAny;

/// How deep a payload may be nested: as deep as MySQL's JSON functions go, and less than what stops the parsers of most
/// languages, which are the consumers'.
pub(super) const DEEPEST: usize = 100;

/// Checks that a text is one JSON document that every consumer can read; says what is wrong when it is not.
pub(super) fn check(text: &str) -> Result<(), String> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| error.to_string())?;
    check_depth(text)
}

/// The same for what is known to be JSON.
pub(super) fn check_depth(json: &str) -> Result<(), String> {
    if depth(json) > DEEPEST { Err(format!("it is nested more than {DEEPEST} levels deep")) } else { Ok(()) }
}

fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_of_any_kind_is_a_payload() {
        for json in ["null", " 7 ", "1e400", "\"\\u0000\"", "{\"a\":1,\"a\":2}", "[[],{}]"] {
            assert_eq!(check(json), Ok(()), "{json}");
        }
        for other in ["", "{} {}", "{\"a\":", "nul", "\"\u{0}\"", "01", "[1,]", "\u{feff}1"] {
            assert!(check(other).is_err(), "{other:?}");
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_none() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(check(&nested(DEEPEST)), Ok(()));
        assert!(check(&nested(DEEPEST + 1)).unwrap_err().contains("levels"));
        assert!(check(&nested(30_000)).is_err());
        assert_eq!(depth(r#"{"a[[[\"{{{": ["\\", "]]"], "b": {}}"#), 2);
    }
}
