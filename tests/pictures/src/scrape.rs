//! The scrape configuration.

use std::net::SocketAddr;

use serde_json::json;

use crate::pipeline::Pipeline;

/// Interval of scrapes, in seconds.
pub(crate) const INTERVAL: u64 = 2;

/// Returns a configuration with the labels of the chart's monitors.
pub(crate) async fn configuration(pipelines: &[&Pipeline], operators: &[(String, SocketAddr)]) -> String {
    let mut pods = Vec::new();
    for pipeline in pipelines {
        for (index, (component, address)) in pipeline.admins().await.into_iter().enumerate() {
            pods.push(json!({"targets": [address.to_string()], "labels": {
                "namespace": pipeline.namespace,
                "pod": format!("{}-{component}-{index}", pipeline.name),
                "eventpipeline": pipeline.name,
                "component": component,
                "group": "default",
            }}));
        }
    }
    let operators: Vec<_> = operators
        .iter()
        .map(|(pod, address)| {
            json!({"targets": [address.to_string()], "labels": {"namespace": "eventpipeline-system", "pod": pod}})
        })
        .collect();
    let seconds = format!("{INTERVAL}s");
    json!({
        "global": {"scrape_interval": seconds, "scrape_timeout": seconds, "evaluation_interval": seconds},
        "scrape_configs": [
            {"job_name": "eventpipeline", "static_configs": pods},
            {"job_name": "eventpipeline-operator", "honor_labels": true, "static_configs": operators},
        ],
    })
    .to_string()
}
