//! Arguments of the service.

use std::net::SocketAddr;

use axum::http::HeaderValue;
use clap::{ArgAction, Args};
use eventpipeline_database::DatabaseArgs;
use eventpipeline_service::{SamplerArgs, ServiceArgs, WakeupArgs};
use url::Url;

use crate::http::BasePath;
use crate::tasks::RetentionArgs;

/// Arguments of the service.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address of the HTTP API
    #[arg(long, env = "LISTEN_ADDRESS", default_value = "[::]:8080")]
    pub(super) listen_address: SocketAddr,
    /// Address of a second, public port for less trusted clients. It creates events and reads their values, and refuses to
    /// list, show, change or remove events. If not set, there is no such port; if equal to the first address, that port is
    /// the public one
    #[arg(long, env = "PUBLIC_ADDRESS")]
    pub(super) public_address: Option<SocketAddr>,
    /// Path prefix under which a proxy serves the API, such as /orders; requests without the prefix are served as well
    #[arg(long, env = "BASE_PATH", default_value = "/")]
    pub(super) base_path: BasePath,
    /// Value of the `x-served-by` response header, which tells clients which producer answered
    #[arg(long, env = "POD_NAME", default_value = "local", value_parser = header_value)]
    pub(super) pod_name: HeaderValue,
    /// Maximum length of an event's payload, in bytes, from 1 to 4194304
    #[arg(long, env = "PAYLOAD_MAX_BYTES", default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..=4_194_304))]
    pub(super) payload_max_bytes: u32,
    /// Maximum wait of a create-sync request, in seconds. After it, the request is answered like a create-async request. If
    /// not set, a request waits as long as its client
    #[arg(long, env = "MAX_WAIT_SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) max_wait_seconds: Option<u32>,
    /// URL of the agent next to the database, such as `http://HOST:9090/volume`, which reports the free space of the
    /// database's volume. Creations are refused before the volume is full. If not set, the free space is unknown
    #[arg(long, env = "VOLUME_URL", value_parser = http_url)]
    pub(super) volume_url: Option<Url>,
    #[command(flatten)]
    pub(super) retention: RetentionArgs,
    /// If true, a request joins the trace that its `traceparent` names. If false, it only links to that trace, so that
    /// untrusted clients cannot have every request sampled
    #[arg(long, env = "TRUST_TRACEPARENT", action = ArgAction::Set, default_value_t = true)]
    pub(super) trust_traceparent: bool,
    #[command(flatten)]
    pub(super) lines: SamplerArgs,
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
    #[command(flatten)]
    pub(super) wakeups: WakeupArgs,
    #[command(flatten)]
    pub(super) service: ServiceArgs,
}

fn header_value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text)
        .map_err(|_| "must be printable ASCII because it is sent in a header".to_owned())
}

fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("must be a URL: {error}"))?;
    if url.scheme() == "http" { Ok(url) } else { Err("must begin with http://".to_owned()) }
}
