//! Traces: with a collector each request has a span, and its events join its trace.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use eventpipeline_testkit::Collector;
use reqwest::StatusCode;
use serde_json::json;

use crate::support::{Producer, claim};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn with(collector: &Collector, further: &[(&str, &str)]) -> Producer {
    let variables = collector.variables();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Producer::with(&[&variables, further].concat()).await
}

/// Claims `many` events, and returns their trace contexts.
async fn traces(producer: &Producer, many: usize) -> Vec<Option<String>> {
    let mut session = producer.database.session();
    let mut traces = Vec::new();
    for _ in 0..many {
        traces.push(claim(&mut session).await.trace.map(|trace| trace.to_string()));
    }
    traces
}

#[tokio::test]
async fn a_span_joins_its_clients_trace_and_its_event_joins_the_span() {
    let collector = Collector::start().await;
    let pipeline = [("EVENTPIPELINE_NAME", "demo"), ("EVENTPIPELINE_NAMESPACE", "shop")];
    let producer = with(&collector, &pipeline).await;
    let answer = producer.posting("/create-async").header("traceparent", CLIENT).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);

    let span = collector.span(|span| span.name == "POST /create-async").await;
    assert_eq!((span.kind, span.failed), ("SPAN_KIND_SERVER", false));
    assert_eq!((span.trace.as_str(), span.parent.as_str()), (TRACE, "00f067aa0ba902b7"));
    let attribute = |name: &str| span.attributes[name].as_str();
    assert_eq!(attribute("http.request.method"), "POST");
    assert_eq!((attribute("http.route"), attribute("http.response.status_code")), ("/create-async", "202"));
    let resource = |name: &str| span.resource[name].as_str();
    assert_eq!(resource("service.name"), "eventpipeline-producer");
    assert_eq!((resource("k8s.namespace.name"), resource("eventpipeline.name")), ("shop", "demo"));
    assert_eq!(traces(&producer, 1).await, [Some(format!("00-{TRACE}-{}-01", span.id))]);
    let log = producer.program.log();
    assert!(!log.contains("S3CRET"), "{log}");
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["pipeline"], "shop/demo", "{line}");
    }
}

#[tokio::test]
async fn a_request_without_a_trace_starts_one_and_an_unsampled_one_has_no_span() {
    let collector = Collector::start().await;
    let producer = with(&collector, &[]).await;
    producer.posting("/v1/events").json(&json!([{}, {}])).send().await.unwrap();
    let span = collector.span(|span| span.name == "POST /v1/events").await;
    assert_eq!(span.parent, "");
    let expected = Some(format!("00-{}-{}-01", span.trace, span.id));
    assert_eq!(traces(&producer, 2).await, [expected.clone(), expected]);

    let not_sampled = CLIENT.replace("-01", "-00");
    producer.posting("/create-async").header("traceparent", &not_sampled).send().await.unwrap();
    assert_eq!(traces(&producer, 1).await, [Some(not_sampled)]);
    producer.get("/99").await;
    collector.span(|span| span.name == "GET /{id}").await;
    assert!(!collector.spans().iter().any(|span| span.name == "POST /create-async"));
}

#[tokio::test]
async fn an_untrusted_trace_is_only_linked() {
    let collector = Collector::start().await;
    let producer = with(&collector, &[("TRUST_TRACEPARENT", "false")]).await;
    let not_sampled = CLIENT.replace("-01", "-00");
    producer.posting("/create-async").header("traceparent", &not_sampled).send().await.unwrap();
    let span = collector.span(|span| span.name == "POST /create-async").await;
    assert_eq!(
        (span.parent.as_str(), span.links.as_slice()),
        ("", &[(TRACE.to_owned(), "00f067aa0ba902b7".to_owned())][..])
    );
    assert_ne!(span.trace, TRACE);
    assert_eq!(traces(&producer, 1).await, [Some(format!("00-{}-{}-01", span.trace, span.id))]);

    let without_spans = Producer::with(&[("TRUST_TRACEPARENT", "false")]).await;
    without_spans.posting("/create-async").header("traceparent", CLIENT).send().await.unwrap();
    assert_eq!(traces(&without_spans, 1).await, [None]);
}

/// Requests without a trace at the same time do not affect it.
#[tokio::test]
async fn without_a_collector_the_clients_trace_is_kept() {
    let producer = Producer::start().await;
    let post = async |traceparent: Option<&str>| {
        let post = producer.posting("/create-async");
        let post = match traceparent {
            Some(text) => post.header("traceparent", text),
            None => post,
        };
        assert_eq!(post.send().await.unwrap().status(), StatusCode::ACCEPTED, "{traceparent:?}");
    };
    tokio::join!(post(Some(CLIENT)), post(None), post(Some(CLIENT)), post(Some("nonsense")));
    let mut traces = traces(&producer, 4).await;
    traces.sort();
    assert_eq!(traces, [None, None, Some(CLIENT.to_owned()), Some(CLIENT.to_owned())]);
}

/// Spans that cannot be sent are dropped. Neither requests nor the exit wait for them.
#[tokio::test]
async fn an_unresponsive_collector_delays_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let mut producer = Producer::with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
        ("DRAIN_SECONDS", "5"),
    ])
    .await;
    let begun = Instant::now();
    for _ in 0..200 {
        assert_eq!(producer.post("/create-async").await.status(), StatusCode::ACCEPTED);
    }
    // Otherwise each batch of four spans would be waited for ten seconds.
    assert!(begun.elapsed() < Duration::from_mins(2), "{:?}", begun.elapsed());
    producer.program.terminate();
    let ended = Instant::now();
    assert!(producer.program.end().await.success());
    // Otherwise the two remaining batches would be waited for as well.
    assert!(ended.elapsed() < Duration::from_secs(20), "{:?}", ended.elapsed());
}
