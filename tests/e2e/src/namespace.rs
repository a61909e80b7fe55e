//! Namespaces of tests.

use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::json;

use crate::until;

/// The label of all objects that the tests create.
pub const LABEL: &str = "eventpipeline.dev/e2e";

/// Connects to the cluster of the current kubectl context.
pub async fn connect() -> Result<Client> {
    // A second installation fails, and the first one is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(Client::try_default().await?)
}

/// Deletes the namespaces of earlier tests without waiting. Those that failed have not done so, and a machine of two cores
/// schedules the pods of few pipelines.
pub async fn remove_earlier_namespaces(client: &Client) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    for namespace in namespaces.list(&ListParams::default().labels(LABEL)).await?.items {
        if namespace.metadata.deletion_timestamp.is_none() {
            namespaces.delete(&namespace.name_any(), &DeleteParams::default()).await?;
        }
    }
    Ok(())
}

/// Creates an empty namespace that admits restricted pods only. A namespace of an earlier run is deleted first.
pub async fn fresh_namespace(client: &Client, name: &str) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    if namespaces.get_opt(name).await?.is_some() {
        namespaces.delete(name, &DeleteParams::default()).await?;
        let gone = async || Ok(namespaces.get_opt(name).await?.is_none().then_some(()));
        until(&format!("the end of namespace {name}"), Duration::from_mins(3), gone).await?;
    }
    let namespace = serde_json::from_value(json!({
        "metadata": {
            "name": name,
            "labels": { LABEL: "true", "pod-security.kubernetes.io/enforce": "restricted" },
        }
    }))?;
    namespaces.create(&PostParams::default(), &namespace).await?;
    Ok(())
}

/// Deletes a namespace without waiting, so that the next test has room on a small machine.
pub async fn remove_namespace(client: &Client, name: &str) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces.delete(name, &DeleteParams::default()).await?;
    Ok(())
}
