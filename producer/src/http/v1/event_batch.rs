//! The body of `POST /v1/events`: one event, an array of events, or one event per line.

mod documents;
#[cfg(test)]
mod fuzz;

use std::borrow::Cow;

use axum::extract::{FromRequest, Request};
use eventpipeline_database::Creation;
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::new_event::{self, NewEventBody};
use crate::http::body::{Limit, Received};
use crate::http::content_type::{content_type, is_json, is_json_lines, refuse_encoding};
use crate::http::idempotency_key::KeyHeader;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::Shared;
use crate::http::trace;
use crate::tasks::CreateRequest;
use documents::{EventText, MAX_EVENTS};

/// Maximum length of a body.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A request to create several events.
#[derive(Debug)]
pub(in crate::http) struct EventBatch(pub(super) CreateRequest);

impl FromRequest<Shared> for EventBatch {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Shared) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let limit = Limit { name: "a batch of events", bytes: MAX_BYTES };
        let Received { bytes, mut permit } = Received::read(body, limit, &api.bodies).await?;
        Query::of(&parts.uri).read_only(&())?;
        refuse_encoding(&parts.headers)?;
        let KeyHeader(key) = KeyHeader::of(&parts.headers)?;
        let content_type = content_type(&parts.headers);
        let creation = parse(content_type.as_deref(), &bytes, api.limits.payload_bytes)?;
        // Many events without payloads need more memory than their text.
        api.bodies.take(&mut permit, size_of_val(creation.events()))?;
        let creation = creation.with_key(key).with_trace(trace::context(&parts));
        Ok(Self(CreateRequest { creation, permit }))
    }
}

impl PartialSchema for EventBatch {
    fn schema() -> RefOr<Schema> {
        let event = || Ref::from_schema_name(NewEventBody::name());
        let array = ArrayBuilder::new().items(event()).min_items(Some(1)).max_items(Some(MAX_EVENTS));
        OneOfBuilder::new().item(event()).item(array).into()
    }
}

impl ToSchema for EventBatch {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("NewEvents")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((NewEventBody::name().into_owned(), NewEventBody::schema()));
        NewEventBody::schemas(schemas);
    }
}

fn parse(content_type: Option<&str>, bytes: &[u8], payload_bytes: usize) -> Result<Creation, Problem> {
    let body =
        std::str::from_utf8(bytes).map_err(|_| Problem::invalid_event("the body", "it is not UTF-8"))?;
    let texts = match content_type {
        Some(lines) if is_json_lines(lines) => documents::lines(body)?,
        Some(other) if !is_json(other) => {
            let expected = "events must be application/json or application/x-ndjson";
            return Err(Problem::wrong_type(expected, other));
        }
        _ => documents::documents(body)?,
    };
    let events = texts.into_iter().map(|EventText { position, json }| {
        new_event::parse(json, payload_bytes).map_err(|why| position.problem(&why))
    });
    let creation = Creation::many(events.collect::<Result<_, _>>()?);
    creation.ok_or_else(|| Problem::invalid_event("the body", "it has no event"))
}

#[cfg(test)]
mod tests {
    use eventpipeline_database::{NewEvent, NotBefore};

    use super::*;

    const LINES: Option<&str> = Some("application/x-ndjson");

    fn parsed(content_type: Option<&str>, body: &str) -> Result<Vec<NewEvent>, String> {
        let creation = parse(content_type, body.as_bytes(), 16);
        creation.map(|creation| creation.events().to_vec()).map_err(|problem| format!("{problem:?}"))
    }

    #[test]
    fn a_payload_is_kept_as_it_was_sent() {
        let body = r#" {"type": "order.created", "key": "customer 7", "payload": {"a":  1e400}, "priority": 9.0, "notBefore": "2027-01-31T08:00:00+01:00"} "#;
        let [NewEvent { event_type, key, payload, priority, not_before }] =
            parsed(None, body).unwrap().try_into().unwrap();
        assert_eq!(payload.as_deref(), Some(r#"{"a":  1e400}"#));
        assert_eq!(priority.get(), 9);
        assert_eq!(event_type.unwrap().as_str(), "order.created");
        assert_eq!(key.unwrap().as_str(), "customer 7");
        assert_eq!(not_before, Some(NotBefore::At("2027-01-31T07:00:00Z".parse().unwrap())));
    }

    #[test]
    fn a_delay_is_a_whole_number_of_seconds() {
        for (text, seconds) in [("90", 90), ("90.0", 90), ("-0.0", 0), ("4294967295", u32::MAX)] {
            let events = parsed(None, &format!("{{\"delaySeconds\":{text}}}")).unwrap();
            assert_eq!(events[0].not_before, Some(NotBefore::Delay(seconds)), "{text}");
        }
    }

    #[test]
    fn arrays_and_lines_contain_several_events() {
        for (content_type, body) in
            [(None, "[{},{\"payload\":null}]"), (LINES, "{}\n\n{\"payload\":null}\r\n")]
        {
            let events = parsed(content_type, body).unwrap();
            assert_eq!(events.len(), 2);
            assert!(events.iter().all(|event| event.payload.is_none() && event.priority.get() == 0));
        }
    }

    #[test]
    fn problems_name_the_event_and_the_reason() {
        for (body, named) in [
            ("", "not an object"),
            ("[]", "no event"),
            ("[{},3]", "[1]: it is not an object"),
            ("[[null, 3, null]]", "[0]: it is not an object"),
            ("[{\"a\":1}]", "unknown field `a`"),
            ("[{},{\"priority\":10}]", "[1]: invalid value: integer `10`, expected a priority from 0 to 9"),
            ("{\"priority\":-1}", "a priority from 0 to 9"),
            ("{\"priority\":0.5}", "floating point `0.5`, expected a priority from 0 to 9"),
            ("{\"priority\":1e400}", "number out of range"),
            ("{\"type\":\"\"}", "its type is not valid: it has 0 characters"),
            ("{\"type\":\"a b\"}", "it contains ' '"),
            ("{\"type\":\"a.\"}", "begin and end with a letter or a digit"),
            ("{\"type\":7}", "expected a string"),
            ("{\"type\":null}", "expected a string"),
            ("{\"key\":\"\"}", "its key is not valid: a key has 1 to 255 characters"),
            ("{\"key\":\" a\"}", "begins and ends with no space"),
            ("{\"key\":7}", "expected a string"),
            ("{\"key\":null}", "expected a string"),
            ("{\"priority\":null}", "a priority from 0 to 9"),
            ("{\"priority\":1,\"priority\":1}", "duplicate field"),
            ("{\"notBefore\":\"tomorrow\"}", "RFC 3339"),
            ("{\"notBefore\":7}", "expected a string"),
            ("{\"delaySeconds\":-1}", "a delay from 0 to 4294967295 seconds"),
            ("{\"delaySeconds\":1.5}", "a delay from 0"),
            ("{\"delaySeconds\":4294967296}", "a delay from 0"),
            ("{\"delaySeconds\":null}", "a delay from 0"),
            (
                "{\"delaySeconds\":1,\"notBefore\":\"2027-01-31T08:00:00Z\"}",
                "both notBefore and delaySeconds",
            ),
            ("{\"payload\":\"0123456789abcdef\"}", "more than 16 bytes"),
            ("{} {}", "trailing"),
            ("[{},", "EOF"),
        ] {
            let problem = parsed(None, body).unwrap_err();
            assert!(problem.contains(named), "{body}: {problem}");
        }
        assert!(parsed(LINES, "{}\n[]\n").unwrap_err().contains("line 2"));
        assert!(parsed(Some("text/plain"), "{}").unwrap_err().contains("application/x-ndjson"));
        assert!(parse(None, b"{\"payload\":\"\xff\"}", 16).is_err());
    }

    #[test]
    fn a_batch_has_at_most_1000_events() {
        let lines = "{}\n".repeat(MAX_EVENTS);
        let array = format!("[{}]", vec!["{}"; MAX_EVENTS].join(","));
        assert_eq!(parsed(LINES, &lines).unwrap().len(), MAX_EVENTS);
        assert_eq!(parsed(None, &array).unwrap().len(), MAX_EVENTS);
        assert!(parsed(LINES, &format!("{lines}{{}}")).unwrap_err().contains("more than 1000"));
        assert!(parsed(None, &array.replace("[{}", "[{},{}")).unwrap_err().contains("more than 1000"));
    }
}
