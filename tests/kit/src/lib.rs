//! Real servers for tests, each on a free port of 127.0.0.1 with its own files.
//!
//! - [`Database`]: MySQL or MariaDB, ready when `start` returns. Fault tests can kill, freeze and restart it.
//! - [`Certificates`]: an authority, and a server's certificate that it has signed.
//! - [`Program`]: a program of the product as a process, with its log, its addresses and its signals.
//! - [`Proxy`]: a TCP proxy that can be slow, stalled or cut.
//! - [`ApiProxy`]: a proxy of the API server that refuses, cuts or loses the n-th call.
//! - [`HttpProxy`]: a proxy of an HTTP server that records requests, refuses some and loses responses.
//! - [`Collector`]: a receiver of OpenTelemetry spans.
//! - [`client`]: an HTTP client for them.
//! - [`Prometheus`] that scrapes what a test runs, and [`promtool`].
//! - [`Preload`]: a library that is preloaded into a server, for faults that cannot be produced otherwise.
//! - [`Port`] and [`free_udp`]: listen addresses for programs.
//! - [`eventually`] and [`until`]: wait for a condition, never for a fixed time.
//! - [`Scrape`]: the response to `/metrics`, compared with `docs/reference/metrics.md` and promtool's rules.
//! - [`ApiServer`]: kube-apiserver on etcd with RBAC. It has no nodes and no controllers: objects are stored,
//!   defaulted, validated and watched, but nothing runs them or collects the objects of a deleted owner.
//!
//! A server ends with the value that holds it. `shared` returns one server per test binary, which ends with the process,
//! however that ends: a shell kills the remaining servers and removes their files.
//!
//! If a server does not start, the test panics with the end of the server's log.

mod api_proxy;
mod apiserver;
mod binaries;
mod certificates;
mod collector;
mod database;
mod error;
mod folders;
mod http;
mod http_proxy;
mod ports;
mod preload;
mod process;
mod program;
mod prometheus;
mod proxy;
mod relay;
mod scrape;
mod wait;
mod words;

pub use api_proxy::{ApiProxy, CallFault};
pub use apiserver::ApiServer;
pub use binaries::{
    checkov, definitions, grafana_types, helm, kube_score, kubectl, mysqld, nginx, polyglot, shfmt,
};
pub use certificates::Certificates;
pub use collector::{Collector, Span};
pub use database::{Database, Engine, Options};
pub use http::client;
pub use http_proxy::{Arrived, HttpProxy, Treatment};
pub use ports::{Port, free_udp};
pub use preload::Preload;
pub use program::{Program, whole_lines};
pub use prometheus::{Prometheus, promtool};
pub use proxy::{Fault, Proxy};
pub use scrape::Scrape;
pub use wait::{eventually, until};
pub use words::text_of;

fn or_panic<T>(what: &str, result: Result<T, error::Error>) -> T {
    result.unwrap_or_else(|error| panic_of(what, &error))
}

/// Panics on behalf of the test that called this crate. No other function here panics.
#[expect(clippy::panic, reason = "a test without its server must fail, with the cause")]
fn panic_of(what: &str, error: &dyn std::error::Error) -> ! {
    panic!("failed to start {what}: {}", error::chain(error))
}
