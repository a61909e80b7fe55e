//! Fuzzing of the texts that clients send back.

use eventpipeline_testkit::text_of;

use crate::{Cursor, TraceParent};

#[test]
fn an_accepted_cursor_survives_being_printed_and_read() {
    let words =
        ["-", "0", "1", "+", "-30610224000000000", "253402300799999999", "9223372036854775807", "1-1"];
    bolero::check!().with_type::<Vec<u8>>().for_each(|bytes| {
        if let Ok(cursor) = text_of(bytes, &words).parse::<Cursor>() {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
    });
}

#[test]
fn a_cursor_of_two_numbers_is_read_as_it_is_or_refused() {
    bolero::check!().with_type::<(i64, i64)>().for_each(|(due, id)| {
        let text = format!("{due}-{id}");
        if let Ok(cursor) = text.parse::<Cursor>() {
            assert_eq!(cursor.to_string(), text);
        }
    });
}

#[test]
fn an_accepted_traceparent_is_the_text_that_was_read() {
    let words =
        ["00-", "01-", "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "-01", "-00", "-", "0", "é"];
    bolero::check!().with_type::<Vec<u8>>().for_each(|bytes| {
        let text = text_of(bytes, &words);
        if let Some(parent) = TraceParent::new(&text) {
            assert_eq!(parent.as_str(), text);
            assert_eq!(TraceParent::new(parent.as_str()), Some(parent));
            assert_eq!(parent.trace_id().len(), 32);
        }
    });
}
