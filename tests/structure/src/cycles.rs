//! Finds cycles between siblings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::modules::{Dependencies, ModulePath};

/// Modules with the same parent that depend on each other in a cycle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cycle {
    modules: BTreeSet<ModulePath>,
    dependencies: Dependencies,
}

impl Cycle {
    /// Returns the dependencies that form the cycle, each as `FROM -> TO`.
    pub fn dependencies(&self) -> Vec<String> {
        let text =
            |(from, to): &(ModulePath, ModulePath)| format!("{} -> {}", from.join("::"), to.join("::"));
        self.dependencies.iter().map(text).collect()
    }
}

/// Writes the modules, such as `a <-> b`.
impl fmt::Display for Cycle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.modules.iter().map(|module| module.join("::")).collect();
        formatter.write_str(&names.join(" <-> "))
    }
}

type Graph = BTreeMap<ModulePath, BTreeSet<ModulePath>>;

/// Returns all cycles.
pub(crate) fn find(dependencies: &Dependencies) -> BTreeSet<Cycle> {
    let mut graph = Graph::new();
    for (from, to) in dependencies {
        if let Some((from, to)) = siblings(from, to) {
            graph.entry(from.to_vec()).or_default().insert(to.to_vec());
        }
    }
    let reachable: Graph = graph.keys().map(|module| (module.clone(), reachable(&graph, module))).collect();
    let cycle = |(module, others): (&ModulePath, &BTreeSet<ModulePath>)| {
        let back =
            |other: &&ModulePath| reachable.get(*other).is_some_and(|targets| targets.contains(module));
        let modules: BTreeSet<_> = others.iter().filter(back).cloned().collect();
        (!modules.is_empty()).then(|| Cycle { dependencies: within(&modules, dependencies), modules })
    };
    reachable.iter().filter_map(cycle).collect()
}

/// Returns the dependencies between different modules of a cycle.
fn within(modules: &BTreeSet<ModulePath>, dependencies: &Dependencies) -> Dependencies {
    let connects = |(from, to): &&(ModulePath, ModulePath)| {
        siblings(from, to).is_some_and(|(from, to)| modules.contains(from) && modules.contains(to))
    };
    dependencies.iter().filter(connects).cloned().collect()
}

/// Returns the ancestors of two modules that have the same parent. Returns `None` if one module contains the
/// other.
fn siblings<'a>(one: &'a [String], other: &'a [String]) -> Option<(&'a [String], &'a [String])> {
    let common = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    Some((one.get(..=common)?, other.get(..=common)?))
}

/// Returns the modules that `start` depends on, directly or indirectly.
fn reachable(graph: &Graph, start: &ModulePath) -> BTreeSet<ModulePath> {
    let mut found = BTreeSet::new();
    let mut pending = vec![start];
    while let Some(module) = pending.pop() {
        for next in graph.get(module).into_iter().flatten() {
            if found.insert(next.clone()) {
                pending.push(next);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycles(dependencies: &[(&str, &str)]) -> Vec<String> {
        let path = |module: &str| module.split("::").map(str::to_owned).collect();
        let all = dependencies.iter().map(|(from, to)| (path(from), path(to))).collect();
        find(&all).iter().map(Cycle::to_string).collect()
    }

    #[test]
    fn siblings_that_use_each_other_are_a_cycle() {
        assert_eq!(cycles(&[("a", "b"), ("b", "c"), ("c", "a"), ("a", "d")]), ["a <-> b <-> c"]);
        assert_eq!(cycles(&[("a::x", "b"), ("b", "a::y")]), ["a <-> b"]);
        assert_eq!(cycles(&[("a::x", "a::y"), ("a::y", "a::x"), ("b", "a")]), ["a::x <-> a::y"]);
    }

    #[test]
    fn a_cycle_lists_its_dependencies() {
        let path = |module: &str| module.split("::").map(str::to_owned).collect();
        let all = [("a::x", "b"), ("b", "a::y"), ("a::x", "a::y"), ("c", "a")];
        let found = find(&all.iter().map(|(from, to)| (path(from), path(to))).collect());
        assert_eq!(found.first().unwrap().dependencies(), ["a::x -> b", "b -> a::y"]);
    }

    #[test]
    fn parents_and_children_may_use_each_other() {
        assert_eq!(cycles(&[("a", "a::x"), ("a::x", "a"), ("a::x", "b"), ("a::y", "a::x")]), [""; 0]);
    }
}
