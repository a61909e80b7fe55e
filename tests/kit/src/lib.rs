//! Real servers for tests, each on a free port of 127.0.0.1 with files of its own.
//!
//! - [`Database`]: MySQL or MariaDB, ready when `start` returns, with what fault tests need: kill, freeze, restart.
//! - [`Certificates`]: an authority, and a server's certificate that it has signed.
//! - [`Program`]: a binary of the product as a process, with its log, its addresses and its signals.
//! - [`Proxy`]: a TCP connection that can be slow, stalled or cut.
//! - [`ApiProxy`]: an API server that refuses, cuts or forgets the n-th call.
//! - [`Collector`]: what OpenTelemetry sends spans to.
//! - [`client`]: an HTTP client for them.
//! - [`Prometheus`] that scrapes what a test runs, and [`promtool`].
//! - [`Port`] and [`free_udp`]: where a program is told to listen.
//! - [`eventually`] and [`until`]: wait for what is to happen, instead of for a time.
//! - [`Scrape`]: what a program answers at `/metrics`, beside `docs/reference/metrics.md` and promtool's rules.
//! - [`ApiServer`]: kube-apiserver on etcd with RBAC. No nodes and no controllers: objects are stored, defaulted,
//!   validated and watched; nothing runs them, and nothing collects what a deleted owner leaves.
//!
//! A server ends with the value that holds it. Those that `shared` gives, one a test binary, end with the process,
//! however it ends: a shell beside it kills what is left and removes the files.
//!
//! A server that does not start panics with the end of its log: a test that needs it cannot go on.

mod api_proxy;
mod apiserver;
mod binaries;
mod certificates;
mod collector;
mod database;
mod error;
mod http;
mod ports;
mod process;
mod program;
mod prometheus;
mod proxy;
mod room;
mod scrape;
mod wait;

pub use api_proxy::{ApiProxy, CallFault};
pub use apiserver::ApiServer;
pub use binaries::{checkov, definitions, kube_score, mysqld, nginx, polyglot};
pub use certificates::Certificates;
pub use collector::{Collector, Span};
pub use database::{Database, Engine, Options};
pub use http::client;
pub use ports::{Port, free_udp};
pub use program::{Program, whole_lines};
pub use prometheus::{Prometheus, promtool};
pub use proxy::{Fault, Proxy};
pub use scrape::Scrape;
pub use wait::{eventually, until};

fn or_panic<T>(what: &str, result: Result<T, error::Error>) -> T {
    result.unwrap_or_else(|error| panic_of(what, &error))
}

/// The one place where this crate panics, on behalf of the test that called it.
#[expect(clippy::panic, reason = "a test whose server is missing cannot go on, and says why")]
fn panic_of(what: &str, error: &dyn std::error::Error) -> ! {
    panic!("failed to start {what}: {}", error::chain(error))
}
