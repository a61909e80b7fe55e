//! Fourth step: builds the objects of a validated pipeline, one file each. Pure: the same pipeline results in
//! the same objects.

mod agent_container;
mod autoscalers;
mod consumer_deployment;
mod customization;
mod data_volume;
mod database_access;
mod disruption_budgets;
mod environment;
mod group_deployment;
mod http_route;
mod ingress;
mod init_containers;
pub(super) mod meta;
mod mysql_arguments;
mod mysql_names;
mod mysql_service;
mod mysql_stateful_set;
mod network_policies;
mod networks;
mod placement;
mod pod;
mod producer_deployment;
mod producer_service;
pub(super) mod schema_job;
pub(super) mod secrets;
mod volumes;
mod wakeups_service;

use super::resources::Resources;
use super::validate::Pipeline;
pub(crate) use mysql_arguments::MAX_CONNECTIONS;
pub(super) use mysql_names::MYSQL;

/// Builds every object of the pipeline.
pub(super) fn build(pipeline: &Pipeline) -> Resources {
    let producer = |group| producer_deployment::build(pipeline, group);
    let consumer = |group| consumer_deployment::build(pipeline, group);
    Resources {
        secrets: secrets::build(pipeline),
        data_volume: data_volume::build(pipeline),
        mysql_service: mysql_service::build(pipeline),
        mysql_stateful_set: mysql_stateful_set::build(pipeline),
        schema_job: schema_job::build(pipeline),
        wakeups_service: wakeups_service::build(pipeline),
        producer_service: producer_service::build(pipeline),
        producer_deployments: pipeline.producers.iter().map(producer).collect(),
        consumer_deployments: pipeline.consumers.iter().map(consumer).collect(),
        ingress: ingress::build(pipeline),
        http_route: http_route::build(pipeline),
        network_policies: network_policies::build(pipeline),
        disruption_budgets: disruption_budgets::build(pipeline),
        autoscalers: autoscalers::build(pipeline),
    }
}
