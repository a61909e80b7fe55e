//! Fuzzing of what clients send: payloads, `Prefer` and queries.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use eventpipeline_testkit::text_of;
use serde::de::IgnoredAny;
use url::form_urlencoded;
use utoipa::openapi::KnownFormat;

use super::openapi;
use super::payload;
use super::prefer::WaitPreference;
use super::query::{Parameter, Parameters as _, Query, RequiredParameter};
use super::values::number;

const MAX_DEPTH: usize = 100;
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// A payload is accepted exactly when it is JSON and not too deep, as `serde_json`'s own limit of depth is above ours.
#[test]
fn a_payload_is_accepted_when_it_is_json_of_limited_depth() {
    let words = [
        "{\"a\":",
        "}",
        "[",
        "]",
        ",",
        "\"",
        "\\",
        "\\\"",
        "[[[[[[[[[[[[[[[[[[[[[[[[[",
        "]]]]]]]]]]]]]]]]]]]]]]]]]",
        "1",
        "null",
    ];
    bolero::check!().with_type::<Vec<u8>>().for_each(|bytes| {
        let text = text_of(bytes, &words);
        let is_json = serde_json::from_str::<IgnoredAny>(&text).is_ok();
        let shallow =
            serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|value| depth(&value) <= MAX_DEPTH);
        match payload::check(&text) {
            Ok(()) => assert!(is_json),
            Err(_) => assert!(!is_json || !shallow, "{text}"),
        }
    });
}

fn depth(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or_default(),
        serde_json::Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

/// `Preference-Applied` is itself a preference that asks for the same wait.
#[test]
fn applied_preferences_ask_for_the_same_wait() {
    let words = [
        "respond-async",
        "wait=",
        "wait",
        "10",
        "\"10\"",
        ",",
        ";",
        "=",
        "\"",
        "\\",
        " ",
        "99999999999",
        "RESPOND-ASYNC",
    ];
    bolero::check!().with_type::<(Vec<Vec<u8>>, Option<u32>)>().for_each(|(lines, longest)| {
        let values = lines.iter().filter_map(|line| HeaderValue::from_str(&text_of(line, &words)).ok());
        let headers: HeaderMap = values.map(|value| (PREFER, value)).collect();
        let wait = WaitPreference::of(&headers, *longest);
        if let Some(longest) = longest {
            assert!(wait.limit.is_some_and(|limit| limit <= Duration::from_secs((*longest).into())));
        }
        if let Some(applied) = wait.applied.clone() {
            assert_eq!(WaitPreference::of(&[(PREFER, applied)].into_iter().collect(), *longest), wait);
        }
    });
}

/// A parameter is found by its decoded name in any query, and has the same value after it is encoded again.
#[test]
fn a_query_parameter_survives_being_encoded_and_read() {
    const LIMIT: Parameter<String> = Parameter {
        name: "limit",
        description: "Any text",
        expected: "any text",
        parse: |text| Some(text.to_owned()),
        schema: || openapi::integer(KnownFormat::Int32, 0, None),
    };
    let words = ["limit", "=", "&", "%", "%3", "%26", "%FF", "+", "state", "limit=10", ";", "%00", "?", "/"];
    bolero::check!().with_type::<Vec<u8>>().for_each(|bytes| {
        let Ok(uri) = format!("/v1/events?{}", text_of(bytes, &words)).parse::<Uri>() else { return };
        let Ok(Some(value)) = LIMIT.read(&mut Query::of(&uri)) else { return };
        let encoded = form_urlencoded::Serializer::new(String::new()).append_pair("limit", &value).finish();
        let mut query = Query::of(&format!("/?{encoded}").parse().unwrap());
        let again = RequiredParameter(LIMIT).read(&mut query);
        assert_eq!(again.ok(), Some(value.clone()));
        if let Some(read) = number::<u64>(&value) {
            assert_eq!(number(&read.to_string()), Some(read));
        }
    });
}
