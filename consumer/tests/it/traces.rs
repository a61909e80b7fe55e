//! Traces: handling an event is a span with a link to the event's creation, and the handler continues it.

use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use eventpipeline_database::{Creation, NewEvent, TraceParent};
use eventpipeline_testkit::Collector;

use crate::server::{Server, http};
use crate::support::Pipeline;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CREATION: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn create(pipeline: &mut Pipeline, trace: Option<&str>) {
    let trace = trace.map(|text| TraceParent::new(text).unwrap());
    let creation = Creation::one(NewEvent::default()).with_trace(trace);
    pipeline.session.create(&[creation]).await.unwrap();
}

/// Starts a handler that refuses the first event.
async fn handler() -> Server {
    Server::start(|asked| async move {
        match asked.before {
            0 => StatusCode::BAD_REQUEST.into_response(),
            _ => "sim".into_response(),
        }
    })
    .await
}

#[tokio::test]
async fn handling_is_a_span_with_a_link_to_the_creation_and_the_handler_continues_it() {
    let mut pipeline = Pipeline::new().await;
    create(&mut pipeline, Some(CREATION)).await;
    let (collector, handler) = (Collector::start().await, handler().await);
    let variables = collector.variables();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let consumer = pipeline.consumer(&http(&handler.url(), &variables));
    let of = async |id: &str| collector.span(|span| span.attributes["messaging.message.id"] == id).await;
    let traceparent =
        |number: usize| handler.asked()[number].headers["traceparent"].to_str().unwrap().to_owned();

    let failed = of("1").await;
    assert_eq!((failed.name.as_str(), failed.kind), ("process events", "SPAN_KIND_CONSUMER"));
    assert_eq!(failed.links, [(TRACE.to_owned(), "00f067aa0ba902b7".to_owned())]);
    assert_eq!(failed.parent, "");
    assert_ne!(failed.trace, TRACE);
    assert!(failed.failed);
    assert_eq!(failed.attributes["error.type"], "handler");
    assert_eq!(failed.attributes["messaging.operation.type"], "process");
    assert_eq!(failed.resource["service.name"], "eventpipeline-consumer");
    assert_eq!(traceparent(0), format!("00-{}-{}-01", failed.trace, failed.id));
    let line = consumer.line("attempt 1 at event 1 failed").await;
    assert!(line.contains(&format!("\"trace_id\":\"{}\"", failed.trace)), "{line}");

    create(&mut pipeline, None).await;
    let without = of("2").await;
    assert_eq!((without.links.len(), without.failed), (0, false));
}

#[tokio::test]
async fn an_event_created_without_sampling_is_processed_without_sampling() {
    let mut pipeline = Pipeline::new().await;
    let (collector, handler) = (Collector::start().await, handler().await);
    let variables = collector.variables();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let _consumer = pipeline.consumer(&http(&handler.url(), &variables));
    let not_sampled = CREATION.replace("-01", "-00");
    create(&mut pipeline, Some(&not_sampled)).await;
    handler.until_asked(1).await;
    create(&mut pipeline, None).await;
    collector.span(|span| span.attributes["messaging.message.id"] == "2").await;
    assert_eq!(collector.spans().len(), 1);
    assert_eq!(handler.asked()[0].headers["traceparent"], not_sampled);
}

#[tokio::test]
async fn without_a_collector_the_handler_is_told_of_the_creation() {
    let mut pipeline = Pipeline::new().await;
    let handler = Server::start(|_| async { "sim".into_response() }).await;
    let _consumer = pipeline.consumer(&http(&handler.url(), &[]));
    create(&mut pipeline, Some(CREATION)).await;
    handler.until_asked(1).await;
    create(&mut pipeline, None).await;
    handler.until_asked(2).await;
    let asked = handler.asked();
    assert_eq!(asked[0].headers["traceparent"], CREATION);
    assert!(!asked[1].headers.contains_key("traceparent"));
}
