//! Fuzzing of request bodies.

use eventpipeline_database::{NewEvent, NotBefore};
use eventpipeline_testkit::text_of;

use super::parse;
use crate::http::payload;

const PAYLOAD_BYTES: usize = 4096;

/// An accepted body holds events that are within all limits, and reads the same once its events are printed.
#[test]
fn an_accepted_batch_survives_being_printed_and_read() {
    let words = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\n",
        "{}",
        "\"payload\":",
        "\"key\":",
        "\"priority\":",
        "\"notBefore\":",
        "\"delaySeconds\":",
        "\"2027-01-31T08:00:00+01:00\"",
        "\"-009999-01-02T01:59:59Z\"",
        "{\"a\":[1,{}]}",
        "null",
        "1e400",
        "9.0",
        "-0.0",
        "4294967295",
        "10",
        "7",
        "\\ud800",
        "[[[[[[[[[[[[[[[[[[[[",
        "\u{feff}",
        " ",
    ];
    let types = [None, Some("application/json"), Some("application/x-ndjson"), Some("text/plain")];
    bolero::check!().with_type::<(u8, Vec<u8>, bool)>().for_each(|(content_type, bytes, as_text)| {
        let content_type = types[usize::from(*content_type) % types.len()];
        let body = if *as_text { text_of(bytes, &words).into_bytes() } else { bytes.clone() };
        let Ok(creation) = parse(content_type, &body, PAYLOAD_BYTES) else { return };
        let events = creation.events();
        assert!((1..=1000).contains(&events.len()));
        for payload in events.iter().filter_map(|event| event.payload.as_deref()) {
            assert!(payload.len() <= PAYLOAD_BYTES);
            assert_eq!(payload::check(payload), Ok(()));
        }
        let printed: Vec<String> = events.iter().map(printed).collect();
        let again = parse(None, format!("[{}]", printed.join(",")).as_bytes(), PAYLOAD_BYTES).unwrap();
        assert_eq!(again.events(), events);
    });
}

fn printed(NewEvent { event_type, key, payload, priority, not_before }: &NewEvent) -> String {
    let mut fields = vec![format!("\"priority\":{}", priority.get())];
    fields.extend(event_type.as_ref().map(|event_type| format!("\"type\":\"{event_type}\"")));
    fields.extend(key.as_ref().map(|key| format!("\"key\":{}", serde_json::Value::from(key.as_str()))));
    fields.extend(payload.as_ref().map(|payload| format!("\"payload\":{payload}")));
    fields.extend(not_before.map(|not_before| match not_before {
        NotBefore::At(time) => format!("\"notBefore\":\"{time}\""),
        NotBefore::Delay(seconds) => format!("\"delaySeconds\":{seconds}"),
    }));
    format!("{{{}}}", fields.join(","))
}
