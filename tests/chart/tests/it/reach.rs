//! An evaluation of NetworkPolicies, because there are no nodes here that enforce them.

use serde_json::{Map, Value};

/// A pod and its namespace.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) labels: &'a Value,
}

/// Returns true if the policies allow a pod to connect to a TCP port of another, or of a host outside of the cluster (`None`).
pub(crate) fn reaches(policies: &[Value], from: &Place<'_>, to: Option<&Place<'_>>, port: u64) -> bool {
    let out = permitted(policies, from, "Egress", |policy, rule| {
        matches_ports(rule, port) && matches_peers(&rule["to"], to, policy)
    });
    let into = to.is_none_or(|place| {
        permitted(policies, place, "Ingress", |policy, rule| {
            matches_ports(rule, port) && matches_peers(&rule["from"], Some(from), policy)
        })
    });
    out && into
}

/// Returns true if no policy selects the pod, or if a rule of one of them allows the connection.
fn permitted(
    policies: &[Value],
    pod: &Place<'_>,
    direction: &str,
    rule_allows: impl Fn(&Value, &Value) -> bool,
) -> bool {
    let mut selecting = policies.iter().filter(|policy| {
        let types = policy["spec"]["policyTypes"].as_array();
        policy["metadata"]["namespace"] == pod.namespace
            && types.is_some_and(|types| types.contains(&direction.into()))
            && selects(&policy["spec"]["podSelector"], pod.labels)
    });
    let mut selecting = selecting.by_ref().peekable();
    if selecting.peek().is_none() {
        return true;
    }
    let rules = direction.to_lowercase();
    selecting.any(|policy| list(&policy["spec"][&rules]).iter().any(|rule| rule_allows(policy, rule)))
}

fn matches_ports(rule: &Value, port: u64) -> bool {
    let ports = list(&rule["ports"]);
    ports.is_empty()
        || ports.iter().any(|allowed| {
            // Without ports, any port matches. Our policies use no named ports.
            allowed["protocol"] == "TCP" && (allowed["port"].is_null() || allowed["port"] == port)
        })
}

fn matches_peers(peers: &Value, pod: Option<&Place<'_>>, policy: &Value) -> bool {
    let peers = list(peers);
    peers.is_empty() || pod.is_some_and(|pod| peers.iter().any(|peer| is_peer(peer, pod, policy)))
}

fn is_peer(peer: &Value, pod: &Place<'_>, policy: &Value) -> bool {
    if peer.get("ipBlock").is_some() {
        return false;
    }
    let namespace = match peer.get("namespaceSelector") {
        None => policy["metadata"]["namespace"] == pod.namespace,
        Some(selector) => {
            let labels = serde_json::json!({"kubernetes.io/metadata.name": pod.namespace});
            selects(selector, &labels)
        }
    };
    namespace && peer.get("podSelector").is_none_or(|selector| selects(selector, pod.labels))
}

fn selects(selector: &Value, labels: &Value) -> bool {
    let empty = Map::new();
    let exact = selector["matchLabels"].as_object().unwrap_or(&empty);
    exact.iter().all(|(name, value)| labels[name] == *value)
        && list(&selector["matchExpressions"]).iter().all(|expression| {
            assert_eq!(expression["operator"], "In", "no other operator is used");
            let name = expression["key"].as_str().expect("a label");
            list(&expression["values"]).contains(&labels[name])
        })
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}
