//! Records the dashboards: the results of all queries over a time.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::anyhow;
use eventpipeline_monitoring::{Name, dashboard};
use eventpipeline_testkit::Prometheus;
use serde_json::{Map, Value, json};

use crate::scrape::INTERVAL;

/// A recorded dashboard: its file, and the namespaces and pipelines that are selected.
const RECORDS: [(&str, Name, &str, &str); 5] = [
    ("overview", Name::Overview, ".+", ".+"),
    ("orders", Name::Pipeline, "shop", "orders"),
    ("payments", Name::Pipeline, "shop", "payments"),
    ("thumbnails", Name::Pipeline, "media", "thumbnails"),
    ("operator", Name::Operator, ".+", ".+"),
];
/// Number of values in a graph.
const POINTS: u64 = 240;

/// Writes a file for each recorded dashboard.
pub(crate) async fn all(prometheus: &Prometheus, time: Duration, out: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(out)?;
    let to = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let from = to - time.as_secs();
    for (file, name, namespace, pipeline) in RECORDS {
        let interval = format!("{}s", INTERVAL * 8);
        let values = [
            ("$__rate_interval", interval.as_str()),
            ("$job", ".+"),
            ("$instance", ".+"),
            ("$namespace", namespace),
            ("$eventpipeline", pipeline),
        ];
        let dashboard = dashboard(name).json();
        let panels = dashboard["panels"].as_array().into_iter().flatten();
        let mut data = Map::new();
        for panel in panels.filter(|panel| panel["targets"].is_array()) {
            let results = targets(prometheus, panel, &values, from, to).await?;
            data.insert(panel["id"].to_string(), results);
        }
        let record = json!({"dashboard": dashboard, "from": from * 1000, "to": to * 1000, "data": data});
        fs::write(out.join(format!("{file}.json")), record.to_string())?;
    }
    Ok(())
}

/// Returns the result of each query of a panel, in order.
async fn targets(
    prometheus: &Prometheus,
    panel: &Value,
    values: &[(&str, &str)],
    from: u64,
    to: u64,
) -> anyhow::Result<Value> {
    let mut results = Vec::new();
    for target in panel["targets"].as_array().into_iter().flatten() {
        let query = target["expr"].as_str().unwrap_or_default().to_owned();
        let query = values.iter().fold(query, |query, (name, value)| query.replace(name, value));
        let [from, to, step] = [from, to, (to - from).div_ceil(POINTS).max(1)].map(|it| it.to_string());
        let answer = if target["instant"] == true {
            prometheus.api("query", &[("query", &query), ("time", &to)]).await
        } else {
            let range = [("query", query.as_str()), ("start", &from), ("end", &to), ("step", &step)];
            prometheus.api("query_range", &range).await
        };
        results.push(answer.map_err(|error| anyhow!("{query}: {error}"))?["result"].take());
    }
    Ok(json!(results))
}
