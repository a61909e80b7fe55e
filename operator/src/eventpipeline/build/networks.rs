//! Networks that pods may connect to.

use k8s_openapi::api::networking::v1::{IPBlock, NetworkPolicyPeer};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// Networks of clouds' metadata servers, which give any pod the credentials of its node. A handler's response
/// can be read by anyone who may read events. Link-local addresses, and those of Azure, Alibaba Cloud, Oracle
/// Cloud, AWS and Google Cloud.
const METADATA_IPV4: [&str; 4] =
    ["169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32"];
const METADATA_IPV6: [&str; 3] = ["fe80::/10", "fd00:ec2::254/128", "fd20:ce::254/128"];

/// Networks in which a cluster's DNS may run outside its pods: on each node, at a Service's address, or in
/// the surrounding network. Pods never ask a public DNS server directly.
const PRIVATE: [&str; 7] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

/// Returns all pods, and the networks that the author lists or everything except metadata servers.
pub(super) fn outside(named: &[String]) -> Vec<NetworkPolicyPeer> {
    let networks = if named.is_empty() {
        vec![all_but("0.0.0.0/0", &METADATA_IPV4), all_but("::/0", &METADATA_IPV6)]
    } else {
        named.iter().map(|network| all_but(network, &[])).collect()
    };
    [vec![every_pod()], networks].concat()
}

/// Returns the networks in which the cluster's DNS may run.
pub(super) fn of_dns() -> Vec<NetworkPolicyPeer> {
    [vec![every_pod()], PRIVATE.map(|network| all_but(network, &[])).to_vec()].concat()
}

/// Selects the pods of every namespace. Network plugins that identify pods by labels do not match them by
/// address.
fn every_pod() -> NetworkPolicyPeer {
    NetworkPolicyPeer { namespace_selector: Some(LabelSelector::default()), ..NetworkPolicyPeer::default() }
}

fn all_but(network: &str, except: &[&str]) -> NetworkPolicyPeer {
    let except: Vec<_> = except.iter().map(|&network| network.to_owned()).collect();
    NetworkPolicyPeer {
        ip_block: Some(IPBlock {
            cidr: network.to_owned(),
            except: Some(except).filter(|except| !except.is_empty()),
        }),
        ..NetworkPolicyPeer::default()
    }
}
