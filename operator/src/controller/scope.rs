//! Namespaces that the operator watches.

use std::collections::BTreeSet;

use k8s_openapi::NamespaceResourceScope;
use kube::api::{ApiResource, DynamicObject};
use kube::{Api, Client, Resource};

/// Some namespaces, or all of them.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    /// Empty means all namespaces.
    namespaces: BTreeSet<String>,
}

impl Scope {
    /// Parses names of namespaces, separated by commas. None means all namespaces.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let namespaces: BTreeSet<_> = names.map(str::to_owned).collect();
        match namespaces.iter().find(|name| !is_name(name)) {
            Some(name) => Err(format!(
                "{name:?} is not the name of a namespace, which has lower-case letters, digits and `-` only"
            )),
            None => Ok(Self { namespaces }),
        }
    }

    /// Returns an API per namespace, or one for all namespaces.
    pub(crate) fn apis<K>(&self, client: &Client) -> Vec<Api<K>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        self.each(|namespace| match namespace {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        })
    }

    /// Returns the APIs of a kind that is known only by its resource.
    pub(crate) fn dynamic(&self, client: &Client, resource: &ApiResource) -> Vec<Api<DynamicObject>> {
        self.each(|namespace| match namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
            None => Api::all_with(client.clone(), resource),
        })
    }

    fn each<T>(&self, make: impl Fn(Option<&str>) -> T) -> Vec<T> {
        if self.namespaces.is_empty() {
            return vec![make(None)];
        }
        self.namespaces.iter().map(|namespace| make(Some(namespace))).collect()
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= 63 && name.bytes().all(allowed) && !name.starts_with('-') && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_separated_by_commas() {
        let parsed = |text: &str| Scope::parse(text).map(|scope| scope.each(|name| name.map(str::to_owned)));
        let named = |names: &[&str]| Ok(names.iter().map(|name| Some((*name).to_owned())).collect());
        assert_eq!(parsed(""), Ok(vec![None]));
        assert_eq!(parsed("a"), named(&["a"]));
        assert_eq!(parsed("b, a,b,"), named(&["a", "b"]));
        for wrong in ["A", "a b", "-a", "a-", "a,b_c", &"a".repeat(64)] {
            assert!(
                parsed(wrong).is_err_and(|error| error.contains("is not the name of a namespace")),
                "{wrong}"
            );
        }
    }
}
