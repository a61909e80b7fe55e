//! A minimal collector of OpenTelemetry spans: OTLP in protobuf over HTTP.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1 as proto;
use prost::Message as _;
use tokio::net::TcpListener;

use crate::{panic_of, wait::eventually};

/// A received span. Ids are hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its name.
    pub name: String,
    /// `SPAN_KIND_SERVER`, ...
    pub kind: &'static str,
    /// The id of its trace.
    pub trace: String,
    /// Its id.
    pub id: String,
    /// The id of its parent; empty for a root span.
    pub parent: String,
    /// The trace and span ids of its links.
    pub links: Vec<(String, String)>,
    /// Its attributes as text.
    pub attributes: BTreeMap<String, String>,
    /// The attributes of its process as text.
    pub resource: BTreeMap<String, String>,
    /// True if its status is an error.
    pub failed: bool,
}

/// A running collector. It ends with the test's runtime.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    /// Starts a collector on a free port.
    ///
    /// # Panics
    /// If it cannot listen.
    pub async fn start() -> Self {
        let spans = Arc::default();
        let listener =
            TcpListener::bind("127.0.0.1:0").await.unwrap_or_else(|error| panic_of("a collector", &error));
        let address = listener.local_addr().unwrap_or_else(|error| panic_of("a collector", &error));
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&spans));
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { address, spans }
    }

    /// Returns variables with which a program sends its spans here soon. The URL contains a password, which must not be logged.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        let endpoint = format!("http://collector:S3CRET@{}", self.address);
        [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned())]
    }

    /// Waits for a span for which `is` returns true, and returns it.
    pub async fn span(&self, is: impl Fn(&Span) -> bool) -> Span {
        eventually(async || self.spans().into_iter().find(&is)).await
    }

    /// Returns all spans so far.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn take(State(spans): State<Arc<Mutex<Vec<Span>>>>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    let mut spans = spans.lock().unwrap_or_else(PoisonError::into_inner);
    for of_process in request.resource_spans {
        let resource = of_process.resource.map(|resource| texts(&resource.attributes)).unwrap_or_default();
        let sent = of_process.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans.extend(sent.map(|span| read(span, &resource)));
    }
    StatusCode::OK
}

fn read(span: proto::Span, resource: &BTreeMap<String, String>) -> Span {
    Span {
        kind: span.kind().as_str_name(),
        trace: digits(&span.trace_id),
        id: digits(&span.span_id),
        parent: digits(&span.parent_span_id),
        links: span.links.iter().map(|link| (digits(&link.trace_id), digits(&link.span_id))).collect(),
        attributes: texts(&span.attributes),
        resource: resource.clone(),
        failed: span.status.is_some_and(|status| status.code() == proto::status::StatusCode::Error),
        name: span.name,
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), text(&attribute.value))).collect()
}
