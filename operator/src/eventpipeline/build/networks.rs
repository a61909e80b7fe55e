//! Networks that pods may connect to.

use k8s_openapi::api::networking::v1::{IPBlock, NetworkPolicyPeer};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// Where clouds answer any pod with the credentials of its node, and nothing else is: a handler's answer can be read by who
/// reads events. Link-local addresses; those of Azure, Alibaba Cloud, Oracle Cloud, AWS and Google Cloud beside them.
const METADATA_IPV4: [&str; 4] =
    ["169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32"];
const METADATA_IPV6: [&str; 3] = ["fe80::/10", "fd00:ec2::254/128", "fd20:ce::254/128"];

/// Where a cluster's DNS may be beside its pods: on each node, at a Service's address, or in the network around it. A server
/// of the internet is asked by it, and not by pods.
const PRIVATE: [&str; 7] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

/// Everything outside of the cluster but metadata, or the networks that the author names; and every pod.
pub(super) fn outside(named: &[String]) -> Vec<NetworkPolicyPeer> {
    let networks = if named.is_empty() {
        vec![all_but("0.0.0.0/0", &METADATA_IPV4), all_but("::/0", &METADATA_IPV6)]
    } else {
        named.iter().map(|network| all_but(network, &[])).collect()
    };
    [vec![every_pod()], networks].concat()
}

/// Where the cluster's DNS may be.
pub(super) fn of_dns() -> Vec<NetworkPolicyPeer> {
    [vec![every_pod()], PRIVATE.map(|network| all_but(network, &[])).to_vec()].concat()
}

/// Pods of every namespace. Where a network plugin knows a pod by its labels, no network contains it.
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
