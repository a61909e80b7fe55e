//! NetworkPolicies that allow only the connections that the pipeline needs.
//!
//! A pod that is selected by policies may do what one of them allows. Users can add policies to allow more,
//! but can't take away what these allow.

use eventpipeline_crds as crd;
use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::{ConsumerGroup, Database, Pipeline};
use super::database_access::MYSQL_PORT;
use super::group_deployment::ADMIN_PORT;
use super::meta::{Labels, RECEIVES_WAKEUPS, group_name, group_selector, match_labels, owned, selector};
use super::wakeups_service::WAKEUP_PORT;
use super::{networks, producer_deployment};
use crate::labels::{Component, INSTANCE};

const DNS_PORT: i32 = 53;
/// Label of every namespace with its name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
/// Label of the operator's pods in any namespace.
const OPERATOR: (&str, &str) = ("app.kubernetes.io/name", "eventpipeline-operator");

/// Builds the policies, if they are enabled.
pub(super) fn build(pipeline: &Pipeline) -> Vec<NetworkPolicy> {
    if pipeline.network_policy.mode == crd::NetworkPolicyMode::Disabled {
        return Vec::new();
    }
    let mut policies = vec![producers(pipeline), consumers(pipeline), schema(pipeline)];
    if let Database::Managed(_) = &pipeline.database {
        policies.push(mysql(pipeline));
    }
    policies.extend(
        pipeline.consumers.iter().filter(|group| calls_out(group)).map(|group| outbound(pipeline, group)),
    );
    policies
}

/// Every client may reach the API: access control is up to what is in front of it.
fn producers(pipeline: &Pipeline) -> NetworkPolicy {
    let api = [producer_deployment::PORT, producer_deployment::PUBLIC_PORT].map(tcp);
    let api = ingress(api.to_vec(), None);
    tier(
        pipeline,
        Component::Producer,
        vec![api, metrics(pipeline), wakeups_received(pipeline)],
        [vec![dns(), to_database(pipeline), wakeups_sent(pipeline)], to_agent(pipeline)].concat(),
    )
}

fn consumers(pipeline: &Pipeline) -> NetworkPolicy {
    tier(
        pipeline,
        Component::Consumer,
        vec![metrics(pipeline), wakeups_received(pipeline)],
        vec![dns(), to_database(pipeline), wakeups_sent(pipeline)],
    )
}

fn schema(pipeline: &Pipeline) -> NetworkPolicy {
    tier(pipeline, Component::Schema, Vec::new(), vec![dns(), to_database(pipeline)])
}

/// The database answers the pipeline's pods and opens no connections. Producers ask its agent for the usage
/// of the volume.
fn mysql(pipeline: &Pipeline) -> NetworkPolicy {
    let clients = [Component::Producer, Component::Consumer, Component::Schema];
    let clients = clients.map(|component| pods(match_labels(selector(pipeline, component))));
    let asked = ingress(vec![tcp(MYSQL_PORT)], Some(clients.to_vec()));
    let producers = pods(match_labels(selector(pipeline, Component::Producer)));
    let agent = ingress(vec![tcp(ADMIN_PORT)], Some(vec![producers]));
    tier(pipeline, Component::Mysql, vec![asked, agent, metrics(pipeline)], Vec::new())
}

/// Returns whether the group may connect to anything: because of its handler, or because the operator does
/// not know its program.
fn calls_out(group: &ConsumerGroup) -> bool {
    group.handler.calls_out() || !group.program.is_ours
}

fn outbound(pipeline: &Pipeline, group: &ConsumerGroup) -> NetworkPolicy {
    policy(
        pipeline,
        group_name(pipeline, Component::Consumer, &group.name),
        group_selector(pipeline, Component::Consumer, &group.name),
        None,
        // Any port: a policy sees neither DNS names nor the ports of Services.
        Some(vec![NetworkPolicyEgressRule { to: Some(outside(pipeline)), ports: None }]),
    )
}

/// Builds the policy of all pods of a component.
fn tier(
    pipeline: &Pipeline,
    component: Component,
    ingress: Vec<NetworkPolicyIngressRule>,
    egress: Vec<NetworkPolicyEgressRule>,
) -> NetworkPolicy {
    let name = format!("{}-{}", pipeline.name, <&str>::from(component));
    policy(pipeline, name, selector(pipeline, component), Some(ingress), Some(egress))
}

fn policy(
    pipeline: &Pipeline,
    name: String,
    selector: Labels,
    ingress: Option<Vec<NetworkPolicyIngressRule>>,
    egress: Option<Vec<NetworkPolicyEgressRule>>,
) -> NetworkPolicy {
    let types = [(ingress.is_some(), "Ingress"), (egress.is_some(), "Egress")];
    NetworkPolicy {
        metadata: owned(pipeline, name, selector.clone()),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(match_labels(selector)),
            policy_types: Some(
                types.into_iter().filter(|(used, _)| *used).map(|(_, name)| name.to_owned()).collect(),
            ),
            ingress: ingress.filter(|rules| !rules.is_empty()),
            egress: egress.filter(|rules| !rules.is_empty()),
        }),
    }
}

/// Allows access to the admin port. Probes come from the node and need no rule.
fn metrics(pipeline: &Pipeline) -> NetworkPolicyIngressRule {
    let namespaces = &pipeline.network_policy.metrics_namespaces;
    if namespaces.is_empty() {
        return ingress(
            vec![tcp(ADMIN_PORT)],
            Some(vec![NetworkPolicyPeer {
                namespace_selector: Some(LabelSelector::default()),
                ..NetworkPolicyPeer::default()
            }]),
        );
    }
    let listed = LabelSelector {
        match_labels: None,
        match_expressions: Some(vec![LabelSelectorRequirement {
            key: NAMESPACE_NAME.to_owned(),
            operator: "In".to_owned(),
            values: Some(namespaces.clone()),
        }]),
    };
    let operator = NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector::default()),
        pod_selector: Some(match_labels([(OPERATOR.0.to_owned(), OPERATOR.1.to_owned())].into())),
        ip_block: None,
    };
    let listed = NetworkPolicyPeer { namespace_selector: Some(listed), ..NetworkPolicyPeer::default() };
    ingress(vec![tcp(ADMIN_PORT)], Some(vec![listed, operator]))
}

fn wakeups_received(pipeline: &Pipeline) -> NetworkPolicyIngressRule {
    ingress(vec![udp(WAKEUP_PORT)], Some(vec![wakeup_receivers(pipeline)]))
}

fn wakeups_sent(pipeline: &Pipeline) -> NetworkPolicyEgressRule {
    egress(vec![udp(WAKEUP_PORT)], Some(vec![wakeup_receivers(pipeline)]))
}

fn wakeup_receivers(pipeline: &Pipeline) -> NetworkPolicyPeer {
    let labels = [(INSTANCE, pipeline.name.to_string()), (RECEIVES_WAKEUPS, "true".to_owned())];
    pods(match_labels(labels.map(|(label, value)| (label.to_owned(), value)).into()))
}

fn to_database(pipeline: &Pipeline) -> NetworkPolicyEgressRule {
    match &pipeline.database {
        Database::Managed(_) => egress(
            vec![tcp(MYSQL_PORT)],
            Some(vec![pods(match_labels(selector(pipeline, Component::Mysql)))]),
        ),
        // The address and port are in a Secret, which the operator does not read.
        Database::External(_) => egress(vec![any_tcp()], Some(outside(pipeline))),
    }
}

/// Allows access to the agent of a managed database.
fn to_agent(pipeline: &Pipeline) -> Vec<NetworkPolicyEgressRule> {
    let Database::Managed(_) = &pipeline.database else { return Vec::new() };
    let mysql = pods(match_labels(selector(pipeline, Component::Mysql)));
    vec![egress(vec![tcp(ADMIN_PORT)], Some(vec![mysql]))]
}

fn outside(pipeline: &Pipeline) -> Vec<NetworkPolicyPeer> {
    networks::outside(&pipeline.network_policy.egress)
}

/// Allows DNS in the cluster, which resolves external names itself.
fn dns() -> NetworkPolicyEgressRule {
    egress(vec![udp(DNS_PORT), tcp(DNS_PORT)], Some(networks::of_dns()))
}

fn ingress(ports: Vec<NetworkPolicyPort>, from: Option<Vec<NetworkPolicyPeer>>) -> NetworkPolicyIngressRule {
    NetworkPolicyIngressRule { from, ports: Some(ports) }
}

fn egress(ports: Vec<NetworkPolicyPort>, to: Option<Vec<NetworkPolicyPeer>>) -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule { to, ports: Some(ports) }
}

/// Selects pods in the pipeline's namespace.
fn pods(selector: LabelSelector) -> NetworkPolicyPeer {
    NetworkPolicyPeer { pod_selector: Some(selector), ..NetworkPolicyPeer::default() }
}

fn tcp(port: i32) -> NetworkPolicyPort {
    self::port("TCP", port)
}

fn any_tcp() -> NetworkPolicyPort {
    NetworkPolicyPort { protocol: Some("TCP".to_owned()), port: None, end_port: None }
}

fn udp(port: i32) -> NetworkPolicyPort {
    self::port("UDP", port)
}

fn port(protocol: &str, port: i32) -> NetworkPolicyPort {
    NetworkPolicyPort {
        protocol: Some(protocol.to_owned()),
        port: Some(IntOrString::Int(port)),
        end_port: None,
    }
}
