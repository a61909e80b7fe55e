//! Namespaces of tests.

use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client,
    api::{DeleteParams, PostParams},
};
use serde_json::json;

use crate::until;

/// The label of all that the tests make.
pub const LABEL: &str = "eventpipeline.dev/e2e";

/// The cluster that kubectl talks to.
pub async fn connect() -> Result<Client> {
    // A second installation is refused, and the first is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(Client::try_default().await?)
}

/// An empty namespace that admits restricted pods only. What an earlier run has left in it goes first.
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

/// Removes a namespace with all that is in it, and waits for nothing: the machine is small, and the next test needs the room.
pub async fn remove_namespace(client: &Client, name: &str) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces.delete(name, &DeleteParams::default()).await?;
    Ok(())
}
