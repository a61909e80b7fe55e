//! Which hosts and paths are taken, and by whom: every Ingress and HTTPRoute in the operator's namespaces, whoever made
//! it, and what the pipelines ask for.
//!
//! Most controllers let the last object of two win, or split the requests between them. A pipeline whose host and path
//! are another's therefore publishes no route. Who has published keeps what it has; of those that have not, the pipeline
//! that was created first goes first.

mod claim;
mod follow;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use claim::Claim;
use claim::Place;
pub(crate) use follow::{HTTP_ROUTES, INGRESSES};
use jiff::Timestamp;

use crate::inventory::PipelineKey;

/// An object that has, or asks for, hosts and paths.
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

/// Somebody else has the host and path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) claim: Claim,
    pub(crate) by: Holder,
}

/// What a pipeline asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wish {
    created: Timestamp,
    claims: Vec<Claim>,
}

#[derive(Debug, Default)]
struct Table {
    /// What every Ingress and HTTPRoute has.
    published: HashMap<Holder, Vec<Claim>>,
    wishes: HashMap<PipelineKey, Wish>,
    /// Who may have something to do with a place.
    holders: HashMap<Place, BTreeSet<Holder>>,
    wishers: HashMap<Place, BTreeSet<PipelineKey>>,
}

/// Hosts and paths, and who has them.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    table: Mutex<Table>,
}

impl Routes {
    /// A pipeline asks for this.
    pub(crate) fn wish(&self, pipeline: PipelineKey, created: Timestamp, claims: Vec<Claim>) {
        let mut table = self.lock();
        table.forget_wish(&pipeline);
        for claim in &claims {
            table.wishers.entry(claim.place.clone()).or_default().insert(pipeline.clone());
        }
        if !claims.is_empty() {
            table.wishes.insert(pipeline, Wish { created, claims });
        }
    }

    /// Forgets the pipelines that are not known any more.
    pub(crate) fn retain(&self, known: impl Fn(&PipelineKey) -> bool) {
        let mut table = self.lock();
        let gone: Vec<_> = table.wishes.keys().filter(|pipeline| !known(pipeline)).cloned().collect();
        for pipeline in gone {
            table.forget_wish(&pipeline);
        }
    }

    /// The first of what the pipeline asks for that is not for it.
    pub(crate) fn taken(&self, pipeline: &PipelineKey) -> Option<Taken> {
        let table = self.lock();
        let wish = table.wishes.get(pipeline)?;
        let taken =
            |claim: &Claim| Some(Taken { claim: claim.clone(), by: table.before(pipeline, wish, claim)? });
        wish.claims.iter().find_map(taken)
    }

    /// What an object has now; nothing, if it is gone. Gives the pipelines that concerns.
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
        let places: HashSet<_> = before.iter().chain(&claims).map(|claim| &claim.place).collect();
        let concerned: BTreeSet<_> =
            places.iter().filter_map(|place| table.wishers.get(place)).flatten().cloned().collect();
        if !claims.is_empty() {
            table.published.insert(holder.clone(), claims);
        }
        concerned.into_iter().collect()
    }

    fn published_of(&self, kind: &str) -> Vec<Holder> {
        self.lock().published.keys().filter(|holder| holder.kind == kind).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn forget_wish(&mut self, pipeline: &PipelineKey) {
        for claim in self.wishes.remove(pipeline).into_iter().flat_map(|wish| wish.claims) {
            remove(&mut self.wishers, &claim.place, pipeline);
        }
    }

    /// Who comes before the pipeline there.
    fn before(&self, pipeline: &PipelineKey, wish: &Wish, claim: &Claim) -> Option<Holder> {
        let holders = self.holders.get(&claim.place).into_iter().flatten();
        let meets = |holder: &&Holder| {
            self.published.get(*holder).is_some_and(|claims| claims.iter().any(|other| other.meets(claim)))
        };
        let mut holders = holders.filter(meets).peekable();
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
        let rank = (wish.created, pipeline);
        let wishers = self.wishers.get(&claim.place).into_iter().flatten();
        let mut earlier = wishers.filter(|other| {
            self.wishes.get(*other).is_some_and(|theirs| {
                (theirs.created, *other) < rank && theirs.claims.iter().any(|other| other.meets(claim))
            })
        });
        let PipelineKey { namespace, name } = earlier.next()?.clone();
        Some(Holder { kind: "EventPipeline", namespace, name })
    }
}

fn remove<T: Ord>(places: &mut HashMap<Place, BTreeSet<T>>, place: &Place, what: &T) {
    if let Some(there) = places.get_mut(place) {
        there.remove(what);
        if there.is_empty() {
            places.remove(place);
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
    fn of_two_that_ask_the_one_created_first_goes_first() {
        let routes = Routes::default();
        let (a, b, c) = (key("x", "a"), key("x", "b"), key("x", "c"));
        routes.wish(b.clone(), at(2), claims("h.example", "/"));
        routes.wish(a.clone(), at(2), claims("h.example", "/"));
        routes.wish(c.clone(), at(1), claims("h.example", "/"));
        assert_eq!(by(&routes, &c), None);
        assert_eq!(by(&routes, &a).as_deref(), Some("EventPipeline x/c"));
        routes.retain(|pipeline| *pipeline != c);
        assert_eq!(by(&routes, &a), None, "at the same time the name decides");
        assert_eq!(by(&routes, &b).as_deref(), Some("EventPipeline x/a"));
        routes.wish(a, at(2), claims("other.example", "/"));
        assert_eq!(by(&routes, &b), None);
    }

    #[test]
    fn what_is_published_keeps_its_place_whoever_is_older() {
        let routes = Routes::default();
        let (old, new) = (key("x", "old"), key("y", "new"));
        routes.wish(new.clone(), at(9), claims("h.example", "/"));
        assert_eq!(routes.publish(&holder("y", "new"), claims("h.example", "/")), std::slice::from_ref(&new));
        routes.wish(old.clone(), at(1), claims("h.example", "/"));
        assert_eq!(by(&routes, &old).as_deref(), Some("Ingress y/new"));
        assert_eq!(by(&routes, &new), None);
        // Who takes it over by hand takes it from nobody who has it.
        routes.publish(&holder("z", "thief"), claims("h.example", "/"));
        assert_eq!(by(&routes, &new), None);
        let concerned = routes.publish(&holder("y", "new"), Vec::new());
        assert_eq!(concerned, [old.clone(), new.clone()]);
        assert_eq!(by(&routes, &new).as_deref(), Some("Ingress z/thief"));
    }

    #[test]
    fn what_does_not_change_wakes_nobody() {
        let routes = Routes::default();
        routes.wish(key("x", "a"), at(1), claims("h.example", "/"));
        assert_eq!(routes.publish(&holder("o", "o"), claims("h.example", "/")).len(), 1);
        assert_eq!(routes.publish(&holder("o", "o"), claims("h.example", "/")).len(), 0);
        assert_eq!(routes.publish(&holder("o", "o"), claims("i.example", "/")).len(), 1);
        assert_eq!(routes.publish(&holder("o", "o"), Vec::new()).len(), 0);
    }
}
