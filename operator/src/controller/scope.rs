//! Which namespaces the operator looks at.

use k8s_openapi::NamespaceResourceScope;
use kube::api::{ApiResource, DynamicObject};
use kube::{Api, Client, Resource};

/// One namespace or all of them.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    namespace: Option<String>,
}

impl Scope {
    /// `namespace` empty: all.
    pub(crate) fn new(namespace: String) -> Self {
        Self { namespace: Some(namespace).filter(|namespace| !namespace.is_empty()) }
    }

    pub(crate) fn api<K>(&self, client: Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match &self.namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        }
    }

    /// Objects of a kind, as they come.
    pub(crate) fn dynamic(&self, client: Client, resource: &ApiResource) -> Api<DynamicObject> {
        match &self.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, resource),
            None => Api::all_with(client, resource),
        }
    }
}
