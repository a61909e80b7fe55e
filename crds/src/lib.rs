//! The `EventPipeline` resource: its Rust types, validation rules, and the names of its conditions and
//! reasons.
//!
//! This crate contains no Kubernetes client. The schema states every rule that it can express as a bound, a
//! pattern or a CEL rule, so that the API server rejects invalid input with a message that names the field
//! and the rule. It also contains every default, so that the stored object shows what runs. [`yaml::crd`]
//! returns the CustomResourceDefinition, and [`reference::markdown`] its reference.

#![expect(unreachable_pub, reason = "KubeSchema repeats each type, with its `pub`, inside a function")]

mod autoscaling;
pub mod conditions;
mod consumers;
mod contract;
mod database;
mod environment;
mod eventpipeline;
mod handler;
mod init_containers;
mod keys;
mod mysql_options;
mod network_policy;
mod pod;
mod producers;
mod quantity;
pub mod reference;
mod resources;
mod retention;
mod route;
mod scheduling;
mod schema_job;
mod status;
mod text;
mod volumes;
pub mod yaml;

pub use autoscaling::{
    BacklogAutoscaling, ConsumerAutoscaling, CpuAutoscaling, ExternalAutoscaling, ProducerAutoscaling,
};
pub use consumers::{Backoff, ConsumerGroup};
pub use contract::Contract;
pub use database::{
    AccessMode, Database, DeletionPolicy, ExternalDatabase, ExternalTls, ManagedDatabase, Storage,
};
pub use environment::{EnvSource, EnvVariable, FieldRef, KeyRef};
pub use eventpipeline::{EventPipeline, EventPipelineSpec};
pub use handler::{Handler, HttpHandler, WordApiHandler, WordsHandler};
pub use init_containers::{
    ExecProbe, HttpProbe, InitCapabilities, InitContainer, InitProbe, InitRestartPolicy, InitSeccomp,
    InitSecurity, InitVariable, OUR_CONTAINERS, SeccompType, TcpProbe,
};
pub use keys::{Keys, OnDead};
pub use mysql_options::MYSQL_OPTIONS;
pub use network_policy::{NetworkPolicy, NetworkPolicyMode};
pub use pod::{Pod, PullSecret};
pub use producers::ProducerGroup;
pub use quantity::Quantity;
pub use resources::{Amounts, Resources};
pub use retention::Retention;
pub use route::{GatewayRoute, IngressRoute, IngressTls, ParentRef, Route};
pub use scheduling::{
    NodeAffinity, NodeOperator, PodAffinity, TaintEffect, Toleration, TolerationOperator, TopologySpread,
    WhenUnsatisfiable,
};
pub use schema_job::SchemaJob;
pub use status::{EventPipelineStatus, GroupCounts, GroupStatus, QueueStatus, StorageStatus};
pub use volumes::{
    ClaimVolume, CsiVolume, EmptyDirVolume, FilesFrom, KeyToPath, Medium, OUR_VOLUMES, ProjectedSource,
    ProjectedVolume, SecretVolume, TokenSource, Volume, VolumeMount,
};
