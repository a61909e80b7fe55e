//! A pipeline on the cluster of `make up`, used as its users do: by kubectl's API and through the ingress.
//!
//! The tests are in `tests/it`; `dev/e2e.sh` provides the cluster. Each [`Pipeline`] has its own namespace, which admits
//! restricted pods only, and its own host name at the ingress. The namespace of a failed test stays until the next
//! test starts; `dev/e2e.sh` removes all namespaces with [`LABEL`].

mod handler;
mod helm;
mod http;
mod load;
mod namespace;
mod pipeline;
mod prometheus;
mod wait;

pub use handler::SlowHandler;
pub use helm::{CHART, OPERATOR_NAMESPACE, RELEASE, helm};
pub use http::Ingress;
pub use load::{Load, Request};
pub use namespace::{LABEL, connect, fresh_namespace, remove_earlier_namespaces, remove_namespace};
pub use pipeline::Pipeline;
pub use prometheus::Prometheus;
pub use wait::until;
