//! A pipeline on the cluster of `make up`, as its users meet it: by kubectl's API and through the ingress.
//!
//! The tests are in `tests/it`; `dev/e2e.sh` gives them the cluster. Each [`Pipeline`] lives in a namespace of its own,
//! which admits restricted pods only, and is told apart at the ingress by its host name. A test that fails leaves its
//! namespace for a look at it; `dev/e2e.sh` removes what carries [`LABEL`].

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
pub use namespace::{LABEL, connect, fresh_namespace, remove_namespace};
pub use pipeline::Pipeline;
pub use prometheus::Prometheus;
pub use wait::until;
