//! Payloads in JSON documents.

use std::borrow::Cow;

use serde_json::value::{RawValue, to_raw_value};

/// Returns a payload as a JSON document, unchanged and without parsing it into values. A text that another program stored and
/// that is not JSON becomes a JSON string.
pub fn json_of(payload: &str) -> Cow<'_, RawValue> {
    match serde_json::from_str::<&RawValue>(payload) {
        Ok(document) => Cow::Borrowed(document),
        Err(_) => to_raw_value(payload).map_or(Cow::Borrowed(RawValue::NULL), Cow::Owned),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_document_is_unchanged_and_any_other_text_becomes_a_string() {
        for document in [r#"{"a":  1e400}"#, r#""\ud83d""#, r#"{"a":1,"a":2}"#, "-0", "1.10", r#""\u0000""#] {
            assert_eq!(json_of(document).get(), document);
        }
        assert_eq!(json_of("olá, \"mundo\"").get(), r#""olá, \"mundo\"""#);
        assert_eq!(json_of("1,\"id\":999").get(), r#""1,\"id\":999""#);
        assert_eq!(json_of("").get(), r#""""#);
    }

    proptest! {
        #[test]
        fn every_text_becomes_one_document(payload in ".{0,40}") {
            let json = json_of(&payload);
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(json.get()).is_ok());
        }
    }
}
