//! Hosts and paths that Ingresses and HTTPRoutes claim, and their overlaps. Claims of events are in `database/src/claim.rs`.

use std::fmt;

use eventpipeline_crds as crd;
use serde_json::Value;

/// A host and path at an entry point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(super) place: HostPath,
    entry: EntryPoint,
}

/// A host and a path. An empty host means all hosts without a rule of their own. The path has no trailing
/// slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct HostPath {
    host: String,
    path: String,
}

/// The controller or Gateway that serves a host and path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum EntryPoint {
    /// Ingress controllers of a class. `None` means the default class.
    Ingress { class: Option<String> },
    /// A Gateway or one of its listeners.
    Gateway { namespace: String, name: String, section: Option<String> },
}

impl fmt::Display for Claim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HostPath { host, path } = &self.place;
        let path = if path.is_empty() { "/" } else { path };
        match host.as_str() {
            "" => write!(formatter, "path {path} of every host"),
            host => write!(formatter, "path {path} of host {host}"),
        }
    }
}

impl Claim {
    pub(super) fn of_ingress(class: Option<&str>, host: &str, path: &str) -> Self {
        Self {
            place: HostPath::new(host, path),
            entry: EntryPoint::Ingress { class: class.map(str::to_owned) },
        }
    }

    /// Returns the claims of a pipeline in this namespace.
    pub(crate) fn of_route(namespace: &str, route: Option<&crd::Route>) -> Vec<Self> {
        let Some(crd::Route { ingress, http_route, operations: _ }) = route else { return Vec::new() };
        if let Some(ingress) = ingress {
            let host = ingress.host.as_deref().unwrap_or_default();
            return vec![Self::of_ingress(ingress.class_name.as_deref(), host, &ingress.path)];
        }
        let Some(route) = http_route else { return Vec::new() };
        let entries: Vec<_> = route
            .parent_refs
            .iter()
            .map(|parent| EntryPoint::Gateway {
                namespace: parent.namespace.clone().unwrap_or_else(|| namespace.to_owned()),
                name: parent.name.clone(),
                section: parent.section_name.clone(),
            })
            .collect();
        let hosts = route.hostnames.iter().map(String::as_str);
        product(&entries, hosts, std::iter::once(route.path.as_str()))
    }

    /// Returns the claims of an Ingress. An exact path does not conflict with a prefix.
    pub(super) fn of_ingress_object(object: &Value) -> Vec<Self> {
        let annotation = &object["metadata"]["annotations"]["kubernetes.io/ingress.class"];
        let class = object["spec"]["ingressClassName"].as_str().or(annotation.as_str());
        let rules = object["spec"]["rules"].as_array().into_iter().flatten();
        rules
            .flat_map(|rule| {
                let host = rule["host"].as_str().unwrap_or_default();
                let paths = rule["http"]["paths"].as_array().into_iter().flatten();
                let prefixes = paths.filter(|path| path["pathType"] != "Exact");
                prefixes
                    .map(move |path| Self::of_ingress(class, host, path["path"].as_str().unwrap_or_default()))
            })
            .collect()
    }

    /// Returns the claims of an HTTPRoute.
    pub(super) fn of_http_route_object(object: &Value) -> Vec<Self> {
        let here = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let list = |value: &'static str| object["spec"][value].as_array().into_iter().flatten();
        let entries: Vec<_> = list("parentRefs")
            .filter(|parent| parent["kind"].as_str().is_none_or(|kind| kind == "Gateway"))
            .map(|parent| EntryPoint::Gateway {
                namespace: parent["namespace"].as_str().unwrap_or(here).to_owned(),
                name: parent["name"].as_str().unwrap_or_default().to_owned(),
                section: parent["sectionName"].as_str().map(str::to_owned),
            })
            .collect();
        let hosts = list("hostnames").filter_map(Value::as_str);
        let paths = list("rules").flat_map(|rule| match rule["matches"].as_array() {
            Some(matches) if !matches.is_empty() => matches.iter().filter_map(plain_prefix).collect(),
            _ => vec!["/"],
        });
        product(&entries, hosts, paths)
    }

    /// Returns whether a request could match both claims.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.place == other.place && self.entry.overlaps(&other.entry)
    }
}

/// Returns the prefix of a match without other conditions. A match with more conditions, such as a header,
/// takes precedence over a prefix, and does not conflict with it.
fn plain_prefix(found: &Value) -> Option<&str> {
    let more = ["headers", "queryParams", "method"].iter().any(|name| !found[name].is_null());
    let kind = found["path"]["type"].as_str().unwrap_or("PathPrefix");
    (!more && kind == "PathPrefix").then(|| found["path"]["value"].as_str().unwrap_or("/"))
}

fn product<'a>(
    entries: &[EntryPoint],
    hosts: impl Iterator<Item = &'a str>,
    paths: impl Iterator<Item = &'a str>,
) -> Vec<Claim> {
    let mut hosts: Vec<_> = hosts.collect();
    if hosts.is_empty() {
        hosts.push("");
    }
    let mut claims = Vec::new();
    for path in paths {
        for host in &hosts {
            claims.extend(
                entries.iter().map(|entry| Claim { place: HostPath::new(host, path), entry: entry.clone() }),
            );
        }
    }
    claims
}

impl HostPath {
    fn new(host: &str, path: &str) -> Self {
        Self { host: host.to_ascii_lowercase(), path: path.trim_end_matches('/').to_owned() }
    }
}

impl EntryPoint {
    /// The default class is not known here, so an Ingress without a class may have any class.
    fn overlaps(&self, other: &Self) -> bool {
        let same =
            |one: &Option<String>, other: &Option<String>| one.is_none() || other.is_none() || one == other;
        match (self, other) {
            (Self::Ingress { class: one }, Self::Ingress { class: other }) => same(one, other),
            (
                Self::Gateway { namespace, name, section },
                Self::Gateway { namespace: their_namespace, name: their_name, section: theirs },
            ) => namespace == their_namespace && name == their_name && same(section, theirs),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of_spec(route: Value) -> Vec<Claim> {
        Claim::of_route("shop", Some(&serde_json::from_value(route).unwrap()))
    }

    fn ingress(spec: &Value) -> Vec<Claim> {
        Claim::of_ingress_object(&json!({"metadata": {"namespace": "other"}, "spec": spec}))
    }

    fn overlap(one: &[Claim], other: &[Claim]) -> bool {
        one.iter().any(|one| other.iter().any(|other| one.overlaps(other)))
    }

    #[test]
    fn ingresses_overlap_by_host_path_and_class() {
        let ours = of_spec(json!({"ingress": {"host": "a.example", "className": "nginx"}}));
        let theirs = |class: Value, host: &str, path: &str, kind: &str| {
            let paths = json!([{"path": path, "pathType": kind}]);
            ingress(&json!({"ingressClassName": class, "rules": [{"host": host, "http": {"paths": paths}}]}))
        };
        assert!(overlap(&ours, &theirs(json!("nginx"), "A.example", "/", "Prefix")));
        assert!(overlap(&ours, &theirs(json!(null), "a.example", "/", "ImplementationSpecific")));
        for other in [
            theirs(json!("contour"), "a.example", "/", "Prefix"),
            theirs(json!("nginx"), "b.example", "/", "Prefix"),
            theirs(json!("nginx"), "*.example", "/", "Prefix"),
            theirs(json!("nginx"), "a.example", "/x", "Prefix"),
            theirs(json!("nginx"), "a.example", "/", "Exact"),
            ingress(&json!({"defaultBackend": {}})),
        ] {
            assert!(!overlap(&ours, &other), "{other:?}");
        }
        let below = of_spec(json!({"ingress": {"host": "a.example", "path": "/x/"}}));
        assert!(overlap(&below, &theirs(json!("nginx"), "a.example", "/x", "Prefix")));
        let any = of_spec(json!({"ingress": {"anyHost": true}}));
        assert!(overlap(&any, &ingress(&json!({"rules": [{"http": {"paths": [{"path": "/"}]}}]}))));
        assert!(!overlap(&any, &ours));
    }

    #[test]
    fn http_routes_overlap_by_gateway_host_and_path() {
        let ours = of_spec(json!({"httpRoute": {
            "parentRefs": [{"name": "public", "namespace": "edge", "sectionName": "https"}], "hostnames": ["a.example", "b.example"],
        }}));
        assert_eq!(ours.len(), 2);
        let theirs = |parent: Value, host: &str, matches: Value| {
            Claim::of_http_route_object(&json!({
                "metadata": {"namespace": "edge"},
                "spec": {"parentRefs": [parent], "hostnames": [host], "rules": [{"matches": matches}]},
            }))
        };
        let prefix = json!([{"path": {"type": "PathPrefix", "value": "/"}}]);
        assert!(overlap(&ours, &theirs(json!({"name": "public"}), "b.example", prefix.clone())));
        assert!(overlap(&ours, &theirs(json!({"name": "public"}), "b.example", json!([]))));
        for other in [
            theirs(json!({"name": "private"}), "b.example", prefix.clone()),
            theirs(json!({"name": "public", "sectionName": "http"}), "b.example", prefix.clone()),
            theirs(json!({"name": "public"}), "c.example", prefix),
            theirs(
                json!({"name": "public"}),
                "b.example",
                json!([{"path": {"type": "Exact", "value": "/"}}]),
            ),
            theirs(
                json!({"name": "public"}),
                "b.example",
                json!([{"headers": [{"name": "x", "value": "y"}]}]),
            ),
        ] {
            assert!(!overlap(&ours, &other), "{other:?}");
        }
        assert!(!overlap(&ours, &of_spec(json!({"ingress": {"host": "a.example"}}))));
    }
}
