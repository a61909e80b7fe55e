//! The Prometheus of `make up`, reached through the API server.

use std::time::Duration;

use anyhow::{Context as _, Result};
use http::Request;
use k8s_openapi::api::{apps::v1::Deployment, core::v1::ConfigMap};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use reqwest::Url;
use serde_json::{Value, json};

use crate::{connect, until};

/// The objects of `dev/prometheus.yaml`.
const NAMESPACE: &str = "eventpipeline-prometheus";
const DEPLOYMENT: &str = "prometheus";
const RULES: &str = "rules";
const RULES_FILE: &str = "rules.yaml";

/// The Prometheus that scrapes every pipeline of the cluster and the operator, with rules of a test.
pub struct Prometheus {
    client: Client,
    /// The rules that it had before.
    original: String,
}

impl Prometheus {
    /// Replaces the rules, and waits until Prometheus has started again.
    pub async fn with_rules(rules: &str) -> Result<Self> {
        let client = connect().await?;
        let config_map =
            config_maps(&client).get(RULES).await.context("with CLUSTER=current, set PROMETHEUS=yes")?;
        let original = config_map.data.and_then(|mut data| data.remove(RULES_FILE)).context(RULES_FILE)?;
        let prometheus = Self { client, original };
        prometheus.set(rules).await?;
        until("a Prometheus with other rules", Duration::from_mins(2), async || {
            Ok(is_rolled_out(&prometheus.deployments().get(DEPLOYMENT).await?).then_some(()))
        })
        .await?;
        Ok(prometheus)
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

    /// Restores the rules, without waiting.
    pub async fn restore(self) -> Result<()> {
        self.set(&self.original).await
    }

    async fn set(&self, rules: &str) -> Result<()> {
        let change = json!({ "data": { RULES_FILE: rules } });
        config_maps(&self.client).patch(RULES, &PatchParams::default(), &Patch::Merge(change)).await?;
        // Reading a changed ConfigMap takes a running pod up to two minutes.
        self.deployments().restart(DEPLOYMENT).await?;
        Ok(())
    }

    fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }
}

fn config_maps(client: &Client) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), NAMESPACE)
}

fn is_rolled_out(deployment: &Deployment) -> bool {
    let status = deployment.status.clone().unwrap_or_default();
    status.observed_generation >= deployment.metadata.generation
        && [status.replicas, status.updated_replicas, status.ready_replicas] == [Some(1); 3]
}
