//! A Prometheus in the cluster, reached through the API server.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use http::Request;
use k8s_openapi::api::{apps::v1::Deployment, core::v1::ConfigMap};
use kube::{Api, Client, api::PostParams};
use reqwest::Url;
use serde_json::{Value, json};

use crate::{connect, fresh_namespace, remove_namespace, until};

/// The namespace in the manifest.
const NAMESPACE: &str = "e2e-prometheus";
const MANIFEST: &str = include_str!("../prometheus.yaml");

/// A Prometheus that scrapes every pipeline of the cluster and the operator.
pub struct Prometheus {
    client: Client,
}

impl Prometheus {
    /// Starts Prometheus with these rules, and waits until it answers.
    pub async fn start(rules: &str) -> Result<Self> {
        let client = connect().await?;
        fresh_namespace(&client, NAMESPACE).await?;
        let config_map: ConfigMap =
            serde_json::from_value(json!({"metadata": {"name": "rules"}, "data": {"rules.yaml": rules}}))?;
        Api::namespaced(client.clone(), NAMESPACE).create(&PostParams::default(), &config_map).await?;
        tokio::task::spawn_blocking(apply).await??;
        let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
        let ready = async || {
            let status = deployments.get("prometheus").await?.status.unwrap_or_default();
            Ok((status.ready_replicas == Some(1)).then_some(()))
        };
        until("a Prometheus that is ready", Duration::from_mins(2), ready).await?;
        Ok(Self { client })
    }

    /// Returns the series of an expression now, each with `metric` (its labels) and `value`.
    pub async fn query(&self, expression: &str) -> Result<Vec<Value>> {
        let path =
            format!("http://any/api/v1/namespaces/{NAMESPACE}/services/prometheus:9090/proxy/api/v1/query");
        let url = Url::parse_with_params(&path, [("query", expression)])?;
        let target = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        let answer: Value = self.client.request(Request::get(target).body(Vec::new())?).await?;
        let series = answer["data"]["result"].as_array();
        series.cloned().with_context(|| format!("{expression}: {answer}"))
    }

    /// Returns true if an alert fires for the pipeline of this namespace.
    pub async fn fires(&self, alert: &str, namespace: &str) -> Result<bool> {
        let alerts =
            format!(r#"ALERTS{{alertname="{alert}", namespace="{namespace}", alertstate="firing"}}"#);
        Ok(!self.query(&alerts).await?.is_empty())
    }

    /// Deletes the namespace without waiting.
    pub async fn remove(self) -> Result<()> {
        remove_namespace(&self.client, NAMESPACE).await
    }
}

/// Applies a manifest with kubectl, as its readers do.
fn apply() -> Result<()> {
    let mut kubectl = Command::new("kubectl")
        .args(["apply", "--server-side", "--force-conflicts", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("failed to run kubectl")?;
    kubectl.stdin.take().context("kubectl's standard input")?.write_all(MANIFEST.as_bytes())?;
    ensure!(kubectl.wait()?.success(), "kubectl refused prometheus.yaml");
    Ok(())
}
