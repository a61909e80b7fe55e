//! Dashboards with data, and an alert that fires and resolves.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use eventpipeline_crds::EventPipeline;
use eventpipeline_e2e::{Ingress, Load, Pipeline, Prometheus, until};
use eventpipeline_monitoring::{Rule, Threshold, Thresholds, dashboards, rules};
use kube::api::{Patch, PatchParams};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const NAMESPACE: &str = "e2e-monitoring";
const ALERT: &str = "EventPipelineBacklogLate";
/// Long enough for a rate over some scrapes, as Grafana chooses it.
const VALUES: [(&str, &str); 5] = [
    ("job", ".+"),
    ("instance", ".+"),
    ("namespace", NAMESPACE),
    ("eventpipeline", Pipeline::NAME),
    ("__rate_interval", "20s"),
];

#[tokio::test]
async fn dashboards_have_data_and_the_backlog_alert_fires_and_resolves() -> Result<()> {
    let pipeline = Pipeline::planned_in("monitoring").await?;
    suspend(&pipeline, false).await?;
    pipeline.serves().await?;
    let prometheus = Prometheus::with_rules(&quick_rules()?).await?;
    let load = Load::start(&pipeline.ingress, 4);
    let mut further = JoinSet::new();
    further.spawn(create(pipeline.ingress.clone()));
    further.spawn(change(pipeline.clone()));

    every_panel_has_data(&prometheus).await?;
    until("no alert", Duration::from_mins(1), async || {
        Ok((!prometheus.fires(ALERT, NAMESPACE).await?).then_some(()))
    })
    .await?;
    suspend(&pipeline, true).await?;
    until("the alert", Duration::from_mins(2), async || {
        Ok(prometheus.fires(ALERT, NAMESPACE).await?.then_some(()))
    })
    .await?;
    // The other group goes on with the events of its types.
    let order = pipeline.ingress.send(Method::POST, "/create-sync?type=order.created").await?;
    ensure!(order.status() == StatusCode::CREATED, "{order:?}");
    let of_key = [create_with_key(&pipeline.ingress).await?, create_with_key(&pipeline.ingress).await?];
    ensure!(pipeline.ingress.event(of_key[0]).await?["state"] == "pending", "the first event of a key");
    ensure!(pipeline.ingress.event(of_key[1]).await?["state"] == "blocked", "the second event of a key");
    suspend(&pipeline, false).await?;
    until("the alert's end", Duration::from_mins(3), async || {
        Ok((!prometheus.fires(ALERT, NAMESPACE).await?).then_some(()))
    })
    .await?;
    for id in of_key {
        pipeline.ingress.end_of(id, Duration::from_mins(1)).await?;
    }
    load.stop().await?;
    drop(further);
    prometheus.restore().await?;
    pipeline.remove().await
}

/// Returns our rules with an alert that waits for seconds instead of minutes.
fn quick_rules() -> Result<String> {
    let mut file = rules(&Thresholds::default().with(Threshold::BacklogLateSeconds, 10.0));
    for rule in file.groups.iter_mut().flat_map(|group| &mut group.rules) {
        match rule {
            Rule::Alert(alert) if alert.name == ALERT => alert.pending = Duration::from_secs(4),
            Rule::Alert(_) | Rule::Record(_) => {}
        }
    }
    Ok(file.yaml()?)
}

/// Applies a pipeline with two groups of consumers, one of which may be suspended.
async fn suspend(pipeline: &Pipeline, suspend: bool) -> Result<()> {
    let orders = json!({ "name": "orders", "replicas": 1, "types": ["order.*"] });
    pipeline
        .apply(json!({ "keys": {}, "consumers": [{ "name": "default", "suspend": suspend }, orders] }))
        .await
}

/// Creates events without waiting for their values.
async fn create(ingress: Ingress) {
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    loop {
        pace.tick().await;
        let _ = ingress.create_async().await;
    }
}

/// Creates an event of a key, and returns its id.
async fn create_with_key(ingress: &Ingress) -> Result<i64> {
    let response = ingress.send(Method::POST, "/create-async?key=customer-7").await?;
    let created: Value = response.error_for_status()?.json().await?;
    created["id"].as_i64().context("an id")
}

/// Causes reconciliations without a change.
async fn change(pipeline: Pipeline) {
    let mut pace = tokio::time::interval(Duration::from_secs(2));
    for number in 0_u64.. {
        pace.tick().await;
        let annotation = json!({"metadata": {"annotations": {"example.com/changed": number.to_string()}}});
        let pipelines = pipeline.api::<EventPipeline>();
        let _ = pipelines.patch(Pipeline::NAME, &PatchParams::default(), &Patch::Merge(annotation)).await;
    }
}

async fn every_panel_has_data(prometheus: &Prometheus) -> Result<()> {
    let mut empty = Vec::new();
    let complete = until("data in every panel", Duration::from_mins(3), async || {
        empty.clear();
        for (name, dashboard) in dashboards() {
            for (panel, query) in dashboard.queries(&VALUES) {
                if !prometheus.query(&query).await?.iter().any(finite) {
                    empty.push(format!("{name:?}: {panel}: {query}"));
                }
            }
        }
        Ok(empty.is_empty().then_some(()))
    })
    .await;
    if let Err(error) = complete {
        let labels = prometheus.query("up").await.context("the scraped targets")?;
        bail!("{error:#}: {empty:#?}; scraped: {labels:#?}");
    }
    Ok(())
}

/// Returns true if a value is a finite number.
fn finite(series: &Value) -> bool {
    series["value"][1].as_str().and_then(|value| value.parse::<f64>().ok()).is_some_and(f64::is_finite)
}
