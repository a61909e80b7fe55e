//! Monitors, rules and dashboards for Prometheus and Grafana.

use std::fs;

use eventpipeline_testkit::ApiServer;
use serde_json::{Value, json};

use crate::{NAMESPACE, chart_copy, object, objects, render, render_chart};

const PODS: &str = "monitoring.podMonitor.enabled=true,monitoring.podMonitor.additionalLabels.release=kps";

#[tokio::test]
async fn pods_are_found_by_monitors_or_by_annotations() {
    let server = ApiServer::shared().await;
    let annotation = |rendered: &[Value]| {
        let deployment = object(rendered, "Deployment", "eventpipeline-operator");
        deployment["spec"]["template"]["metadata"]["annotations"]["prometheus.io/scrape"].clone()
    };
    let plain = objects(&render(server, &[]).expect("it renders"));
    assert_eq!(annotation(&plain), "true");
    assert!(plain.iter().all(|object| object["kind"] != "PodMonitor"));

    let monitored = objects(&render(server, &["--set", PODS]).expect("it renders"));
    assert_eq!(annotation(&monitored), Value::Null, "it would be scraped twice");
    let operator = object(&monitored, "PodMonitor", "eventpipeline-operator");
    assert_eq!(operator["metadata"]["labels"]["release"], "kps");
    assert_eq!(operator["spec"]["namespaceSelector"], json!({"matchNames": [NAMESPACE]}));
    assert_eq!(operator["spec"]["podMetricsEndpoints"][0]["honorLabels"], true);
    let pipelines = object(&monitored, "PodMonitor", "eventpipeline-pipelines");
    assert_eq!(pipelines["metadata"]["labels"]["release"], "kps");
    assert_eq!(pipelines["spec"]["namespaceSelector"], json!({"any": true}));
    let endpoint = &pipelines["spec"]["podMetricsEndpoints"][0];
    assert_eq!(endpoint["honorLabels"], Value::Null);
    let relabelings = endpoint["relabelings"].as_array().expect("relabelings");
    let targets: Vec<_> = relabelings.iter().map(|relabeling| relabeling["targetLabel"].clone()).collect();
    assert_eq!(targets, ["eventpipeline", "component", "group"]);
}

#[tokio::test]
async fn monitors_select_the_namespaces_of_the_operator() {
    let server = ApiServer::shared().await;
    let set = format!("{PODS},watchNamespace=team,monitoring.podMonitor.namespace=monitoring");
    let rendered = objects(&render(server, &["--set", &set]).expect("it renders"));
    let pipelines = object(&rendered, "PodMonitor", "eventpipeline-pipelines");
    assert_eq!(pipelines["spec"]["namespaceSelector"], json!({"matchNames": ["team"]}));
    assert_eq!(pipelines["metadata"]["namespace"], "monitoring");
}

#[tokio::test]
async fn rules_are_passed_unchanged_with_the_configured_runbooks() {
    let server = ApiServer::shared().await;
    let folder = tempfile::tempdir().expect("a folder");
    let chart = chart_copy(folder.path());
    let rules = r#"
groups:
  - name: one
    rules:
      - {record: a:b:c, expr: sum(up)}
      - alert: Late
        expr: up == 0
        annotations:
          summary: '{{ $labels.namespace }}/{{ $labels.eventpipeline }} is {{ "late" | title }}'
          runbook_url: https://example.com/runbooks/Late.md
"#;
    fs::write(chart.join("files/rules.yaml"), rules).expect("rules");
    let rule = |set: &str| {
        let rendered = render_chart(server, &chart, &["--set", set]).expect("it renders");
        object(&objects(&rendered), "PrometheusRule", "eventpipeline")
    };
    let stock = rule("monitoring.rules.enabled=true,monitoring.rules.additionalLabels.release=kps");
    assert_eq!(stock["metadata"]["labels"]["release"], "kps");
    let expected: Value = serde_saphyr::from_str(rules).expect("YAML");
    assert_eq!(stock["spec"], expected);
    let own = rule("monitoring.rules.enabled=true,monitoring.rules.runbookUrl=https://wiki/ep/");
    assert_eq!(own["spec"]["groups"][0]["rules"][1]["annotations"]["runbook_url"], "https://wiki/ep/Late.md");
    assert_eq!(own["spec"]["groups"][0]["rules"][0], expected["groups"][0]["rules"][0]);
}

#[tokio::test]
async fn each_dashboard_is_a_config_map_that_grafana_finds() {
    let server = ApiServer::shared().await;
    let folder = tempfile::tempdir().expect("a folder");
    let chart = chart_copy(folder.path());
    let dashboards = chart.join("files/dashboards");
    fs::create_dir_all(&dashboards).expect("a folder");
    let content = "{\"title\": \"{{ not for Helm }}\",\n \"panels\": []}\n";
    fs::write(dashboards.join("zz-test.json"), content).expect("a dashboard");
    let set = "monitoring.dashboards.enabled=true,monitoring.dashboards.namespace=grafana,\
               monitoring.dashboards.annotations.grafana_folder=EventPipeline";
    let rendered = objects(&render_chart(server, &chart, &["--set", set]).expect("it renders"));
    let map = object(&rendered, "ConfigMap", "eventpipeline-dashboard-zz-test");
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    assert_eq!(map["metadata"]["annotations"]["grafana_folder"], "EventPipeline");
    assert_eq!(map["metadata"]["namespace"], "grafana");
    assert_eq!(map["data"], json!({"zz-test.json": content}));
}
