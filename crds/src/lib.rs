//! The `EventPipeline` resource: its Rust types, validation rules, and the names of its conditions and reasons.
//!
//! No Kubernetes client lives here. Every rule that can be stated in the schema is stated there (bounds, patterns,
//! CEL), so that the API server refuses bad input with a message that names the field and the rule; and every default
//! is in the schema too, so that the stored object shows what runs. [`yaml::crd`] prints the resource definition.

#![expect(unreachable_pub, reason = "KubeSchema repeats each type, with its `pub`, inside a function")]

pub mod conditions;
mod consumers;
mod database;
mod eventpipeline;
mod producers;
mod route;
mod status;
pub mod yaml;

pub use consumers::{ConsumerGroup, Handler, WordApiHandler, WordsHandler};
pub use database::{Database, ManagedDatabase, Storage};
pub use eventpipeline::{EventPipeline, EventPipelineSpec};
pub use producers::ProducerGroup;
pub use route::{IngressRoute, NoRoute, Route};
pub use status::{EventPipelineStatus, GroupCounts};
