//! Namespaces that the operator watches.

use k8s_openapi::NamespaceResourceScope;
use kube::api::{ApiResource, DynamicObject};
use kube::{Api, Client, Resource};

/// One namespace or all namespaces.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    namespace: Option<String>,
}

impl Scope {
    /// Creates a scope. An empty `namespace` means all namespaces.
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

    /// Returns the API of a kind that is known only by its resource.
    pub(crate) fn dynamic(&self, client: Client, resource: &ApiResource) -> Api<DynamicObject> {
        match &self.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, resource),
            None => Api::all_with(client, resource),
        }
    }
}
