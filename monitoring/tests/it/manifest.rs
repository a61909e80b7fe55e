//! The Prometheus of `make up` and of the tests on the cluster, which is also the example of the monitoring page.

use std::fs;

use eventpipeline_testkit::{ApiServer, promtool};
use serde_json::Value;

use super::committed::folder;

fn repository(file: &str) -> String {
    fs::read_to_string(folder().join("..").join(file)).unwrap()
}

/// Returns its configuration as Prometheus reads it.
fn configuration() -> String {
    let manifest = repository("dev/prometheus.yaml");
    let mut objects =
        manifest.split("\n---\n").map(|object| serde_saphyr::from_str::<Value>(object).unwrap());
    let config_map = objects.find(|object| object["kind"] == "ConfigMap").unwrap();
    config_map["data"]["prometheus.yaml"].as_str().unwrap().to_owned()
}

#[test]
fn its_configuration_is_valid_and_matches_the_page() {
    let configuration = configuration();
    let file = tempfile::NamedTempFile::new().unwrap();
    // Debian's promtool has no Kubernetes discovery.
    let known = configuration.replace("    kubernetes_sd_configs: [{role: pod}]\n", "");
    assert_ne!(known, configuration);
    fs::write(&file, known).unwrap();
    promtool(["check", "config", "--syntax-only", file.path().to_str().unwrap()]).unwrap();
    let (_, scrapes) = configuration.split_once("scrape_configs:").unwrap();
    let page = repository("docs/operate/monitoring.md");
    assert!(
        page.contains(&format!("```yaml\nscrape_configs:{scrapes}```")),
        "docs/operate/monitoring.md shows another"
    );
}

#[test]
fn its_image_matches_the_image_built_for_machines_without_a_registry() {
    let versions = repository("dev/versions.sh");
    let version = versions.lines().find_map(|line| line.strip_prefix("PROMETHEUS_VERSION=")).unwrap();
    let image = format!("image: prom/prometheus:{version}\n");
    assert!(repository("dev/prometheus.yaml").contains(&image), "{image}");
}

#[tokio::test]
async fn an_api_server_accepts_it_in_its_restricted_namespace() {
    let server = ApiServer::shared().await;
    let file = folder().join("../dev/prometheus.yaml");
    let file = file.to_str().unwrap();
    server.kubectl(["apply", "--server-side", "--warnings-as-errors", "-f", file]).unwrap();
}
