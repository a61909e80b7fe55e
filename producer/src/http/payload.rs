//! Payloads, which are JSON texts that are stored as received.

use serde::de::IgnoredAny;

/// Maximum depth of a payload. MySQL's JSON functions have the same limit, and JSON parsers of most languages exceed it.
const MAX_DEPTH: usize = 100;

/// Checks that a text is one JSON document that consumers in any language can parse. Returns the reason if it is not.
pub(super) fn check(text: &str) -> Result<(), String> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| error.to_string())?;
    check_depth(text)
}

/// Checks the depth of a JSON document.
pub(super) fn check_depth(json: &str) -> Result<(), String> {
    if depth(json) > MAX_DEPTH {
        Err(format!("it is nested more than {MAX_DEPTH} levels deep"))
    } else {
        Ok(())
    }
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
    fn a_payload_is_any_json_document() {
        for json in ["null", " 7 ", "1e400", "\"\\u0000\"", "{\"a\":1,\"a\":2}", "[[],{}]"] {
            assert_eq!(check(json), Ok(()), "{json}");
        }
        for other in ["", "{} {}", "{\"a\":", "nul", "\"\u{0}\"", "01", "[1,]", "\u{feff}1"] {
            assert!(check(other).is_err(), "{other:?}");
        }
    }

    #[test]
    fn a_payload_has_a_maximum_depth() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(check(&nested(MAX_DEPTH)), Ok(()));
        assert!(check(&nested(MAX_DEPTH + 1)).unwrap_err().contains("levels"));
        assert!(check(&nested(30_000)).is_err());
        assert_eq!(depth(r#"{"a[[[\"{{{": ["\\", "]]"], "b": {}}"#), 2);
    }
}
