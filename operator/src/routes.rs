//! Detects conflicts about hosts and paths, between every Ingress and HTTPRoute in scope, whoever created it,
//! and the routes that pipelines request.
//!
//! If two objects have the same host and path, most controllers let the last one win or split the requests
//! between them. A pipeline therefore publishes no route for a host and path that something else has. A
//! published route keeps its host and path. Between pipelines without a published route, the one that was
//! created first has priority.

mod claim;
mod watch;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use claim::Claim;
use claim::HostPath;
use jiff::Timestamp;
pub(crate) use watch::{HTTP_ROUTES, INGRESSES};

use crate::cache::PipelineKey;

/// An object that has or requests hosts and paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Holder {
    pub(crate) kind: &'static str,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, namespace, name } = self;
        write!(formatter, "{kind} {namespace}/{name}")
    }
}

/// A host and path that another object has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) claim: Claim,
    pub(crate) by: Holder,
}

/// Hosts and paths that a pipeline requests.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Request {
    created: Timestamp,
    claims: Vec<Claim>,
}

#[derive(Debug, Default)]
struct Table {
    /// Hosts and paths of every Ingress and HTTPRoute.
    published: HashMap<Holder, Vec<Claim>>,
    requests: HashMap<PipelineKey, Request>,
    /// Index of `published`.
    holders: HashMap<HostPath, BTreeSet<Holder>>,
    /// Index of `requests`.
    requesters: HashMap<HostPath, BTreeSet<PipelineKey>>,
}

/// Hosts and paths, and their holders.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    table: Mutex<Table>,
}

impl Routes {
    /// Records the hosts and paths that a pipeline requests.
    pub(crate) fn request(&self, pipeline: PipelineKey, created: Timestamp, claims: Vec<Claim>) {
        let mut table = self.lock();
        table.forget_request(&pipeline);
        for claim in &claims {
            table.requesters.entry(claim.place.clone()).or_default().insert(pipeline.clone());
        }
        if !claims.is_empty() {
            table.requests.insert(pipeline, Request { created, claims });
        }
    }

    /// Drops the requests of pipelines that no longer exist.
    pub(crate) fn retain(&self, known: impl Fn(&PipelineKey) -> bool) {
        let mut table = self.lock();
        let gone: Vec<_> = table.requests.keys().filter(|pipeline| !known(pipeline)).cloned().collect();
        for pipeline in gone {
            table.forget_request(&pipeline);
        }
    }

    /// Returns the first requested host and path that another object has or may publish first.
    pub(crate) fn taken(&self, pipeline: &PipelineKey) -> Option<Taken> {
        let table = self.lock();
        let request = table.requests.get(pipeline)?;
        let taken =
            |claim: &Claim| Some(Taken { claim: claim.clone(), by: table.before(pipeline, request, claim)? });
        request.claims.iter().find_map(taken)
    }

    /// Records the hosts and paths of an object, none if it was deleted. Returns the pipelines that are
    /// affected.
    fn publish(&self, holder: &Holder, claims: Vec<Claim>) -> Vec<PipelineKey> {
        let mut table = self.lock();
        let before = table.published.remove(holder).unwrap_or_default();
        if before == claims {
            if !claims.is_empty() {
                table.published.insert(holder.clone(), claims);
            }
            return Vec::new();
        }
        for claim in &before {
            remove(&mut table.holders, &claim.place, holder);
        }
        for claim in &claims {
            table.holders.entry(claim.place.clone()).or_default().insert(holder.clone());
        }
        let changed: HashSet<_> = before.iter().chain(&claims).map(|claim| &claim.place).collect();
        let affected: BTreeSet<_> =
            changed.iter().filter_map(|place| table.requesters.get(place)).flatten().cloned().collect();
        if !claims.is_empty() {
            table.published.insert(holder.clone(), claims);
        }
        affected.into_iter().collect()
    }

    /// Returns the objects of a kind with hosts and paths in the namespace, or in all namespaces.
    fn published_of(&self, kind: &str, namespace: Option<&str>) -> Vec<Holder> {
        let within = |holder: &&Holder| {
            holder.kind == kind && namespace.is_none_or(|namespace| holder.namespace == namespace)
        };
        self.lock().published.keys().filter(within).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn forget_request(&mut self, pipeline: &PipelineKey) {
        for claim in self.requests.remove(pipeline).into_iter().flat_map(|request| request.claims) {
            remove(&mut self.requesters, &claim.place, pipeline);
        }
    }

    /// Returns the holder with priority over the pipeline.
    fn before(&self, pipeline: &PipelineKey, request: &Request, claim: &Claim) -> Option<Holder> {
        let holders = self.holders.get(&claim.place).into_iter().flatten();
        let overlaps = |holder: &&Holder| {
            self.published.get(*holder).is_some_and(|claims| claims.iter().any(|other| other.overlaps(claim)))
        };
        let mut holders = holders.filter(overlaps).peekable();
        if holders.peek().is_some() {
            let mut others = Vec::new();
            for holder in holders {
                if (&holder.namespace, &holder.name) == (&pipeline.namespace, &pipeline.name) {
                    return None;
                }
                others.push(holder);
            }
            return others.first().copied().cloned();
        }
        let rank = (request.created, pipeline);
        let requesters = self.requesters.get(&claim.place).into_iter().flatten();
        let mut earlier = requesters.filter(|other| {
            self.requests.get(*other).is_some_and(|theirs| {
                (theirs.created, *other) < rank && theirs.claims.iter().any(|other| other.overlaps(claim))
            })
        });
        let PipelineKey { namespace, name } = earlier.next()?.clone();
        Some(Holder { kind: "EventPipeline", namespace, name })
    }
}

fn remove<T: Ord>(index: &mut HashMap<HostPath, BTreeSet<T>>, place: &HostPath, entry: &T) {
    if let Some(entries) = index.get_mut(place) {
        entries.remove(entry);
        if entries.is_empty() {
            index.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: &str, name: &str) -> PipelineKey {
        PipelineKey { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    fn holder(namespace: &str, name: &str) -> Holder {
        Holder { kind: "Ingress", namespace: namespace.to_owned(), name: name.to_owned() }
    }

    fn claims(host: &str, path: &str) -> Vec<Claim> {
        vec![Claim::of_ingress(None, host, path)]
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn by(routes: &Routes, pipeline: &PipelineKey) -> Option<String> {
        routes.taken(pipeline).map(|taken| taken.by.to_string())
    }

    #[test]
    fn the_pipeline_created_first_has_priority() {
        let routes = Routes::default();
        let (a, b, c) = (key("x", "a"), key("x", "b"), key("x", "c"));
        routes.request(b.clone(), at(2), claims("h.example", "/"));
        routes.request(a.clone(), at(2), claims("h.example", "/"));
        routes.request(c.clone(), at(1), claims("h.example", "/"));
        assert_eq!(by(&routes, &c), None);
        assert_eq!(by(&routes, &a).as_deref(), Some("EventPipeline x/c"));
        routes.retain(|pipeline| *pipeline != c);
        assert_eq!(by(&routes, &a), None, "at the same time the name decides");
        assert_eq!(by(&routes, &b).as_deref(), Some("EventPipeline x/a"));
        routes.request(a, at(2), claims("other.example", "/"));
        assert_eq!(by(&routes, &b), None);
    }

    #[test]
    fn a_published_route_has_priority_over_an_older_pipeline() {
        let routes = Routes::default();
        let (old, new) = (key("x", "old"), key("y", "new"));
        routes.request(new.clone(), at(9), claims("h.example", "/"));
        assert_eq!(routes.publish(&holder("y", "new"), claims("h.example", "/")), std::slice::from_ref(&new));
        routes.request(old.clone(), at(1), claims("h.example", "/"));
        assert_eq!(by(&routes, &old).as_deref(), Some("Ingress y/new"));
        assert_eq!(by(&routes, &new), None);
        // An object that claims the same place later does not displace the published route.
        routes.publish(&holder("z", "thief"), claims("h.example", "/"));
        assert_eq!(by(&routes, &new), None);
        let affected = routes.publish(&holder("y", "new"), Vec::new());
        assert_eq!(affected, [old.clone(), new.clone()]);
        assert_eq!(by(&routes, &new).as_deref(), Some("Ingress z/thief"));
    }

    #[test]
    fn an_unchanged_object_affects_no_pipeline() {
        let routes = Routes::default();
        routes.request(key("x", "a"), at(1), claims("h.example", "/"));
        assert_eq!(routes.publish(&holder("o", "o"), claims("h.example", "/")).len(), 1);
        assert_eq!(routes.publish(&holder("o", "o"), claims("h.example", "/")).len(), 0);
        assert_eq!(routes.publish(&holder("o", "o"), claims("i.example", "/")).len(), 1);
        assert_eq!(routes.publish(&holder("o", "o"), Vec::new()).len(), 0);
    }
}
