//! Settings of traces from OpenTelemetry's environment variables.

use std::env;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::EnvResourceDetector;
use tracing::warn;

use crate::args::LogArgs;

/// Returns the variable with the endpoint of spans; `None` if spans are disabled.
pub(super) fn endpoint() -> Option<&'static str> {
    let variables = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
    let endpoint = variables.into_iter().find(|name| set(name).is_some())?;
    let off = |name: &str, value: &str| set(name).is_some_and(|set| set.eq_ignore_ascii_case(value));
    if off("OTEL_SDK_DISABLED", "true") || off("OTEL_TRACES_EXPORTER", "none") {
        return None;
    }
    let protocol = set("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL").or_else(|| set("OTEL_EXPORTER_OTLP_PROTOCOL"));
    if let Some(other) = protocol.filter(|protocol| protocol != "http/protobuf") {
        warn!(
            protocol = other,
            "spans are sent by http/protobuf, not by {other}: OTEL_EXPORTER_OTLP_PROTOCOL"
        );
    }
    Some(endpoint)
}

/// Returns a variable. Like OpenTelemetry, it treats an empty one as unset.
#[expect(
    clippy::disallowed_methods,
    reason = "OpenTelemetry defines these variables, and its SDK reads most of them by itself"
)]
fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the attributes of the process. OpenTelemetry's variables take precedence over known values.
pub(super) fn resource(program: &'static str, args: &LogArgs) -> Resource {
    let known = [
        ("service.name", Some(program.to_owned())),
        ("service.version", Some(env!("CARGO_PKG_VERSION").to_owned())),
        ("service.instance.id", set("POD_NAME")),
        ("k8s.pod.name", set("POD_NAME")),
        ("k8s.namespace.name", args.eventpipeline_namespace.clone()),
        ("eventpipeline.name", args.eventpipeline_name.clone()),
    ];
    let known = known.into_iter().filter_map(|(name, value)| Some(KeyValue::new(name, value?)));
    let resource =
        Resource::builder_empty().with_attributes(known).with_detector(Box::new(EnvResourceDetector::new()));
    match set("OTEL_SERVICE_NAME") {
        Some(name) => resource.with_service_name(name),
        None => resource,
    }
    .build()
}
