//! Monitors, rules and dashboards for Prometheus and Grafana.

use std::fs;

use eventpipeline_testkit::ApiServer;
use serde_json::{Value, json};

use crate::{NAMESPACE, chart_copy, object, objects, render, render_chart, repository, text};

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
    let set = format!("{PODS},watchNamespaces={{team}},monitoring.podMonitor.namespace=monitoring");
    let rendered = objects(&render(server, &["--set", &set]).expect("it renders"));
    let pipelines = object(&rendered, "PodMonitor", "eventpipeline-pipelines");
    assert_eq!(pipelines["spec"]["namespaceSelector"], json!({"matchNames": ["team"]}));
    assert_eq!(pipelines["metadata"]["namespace"], "monitoring");
}

/// Returns the rendered PrometheusRule.
async fn rendered_rules(set: &str, json: &str) -> Value {
    let set = format!("monitoring.rules.enabled=true,{set}");
    let arguments = ["--set", &set, "--set-json", json];
    let rendered = render(ApiServer::shared().await, &arguments).expect("it renders");
    object(&objects(&rendered), "PrometheusRule", "eventpipeline")
}

/// Returns the alerts with a name; alerts of an objective share it.
fn alerts<'a>(rule: &'a Value, name: &str) -> Vec<&'a Value> {
    let groups = rule["spec"]["groups"].as_array().expect("groups");
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules"));
    rules.filter(|rule| rule["alert"] == name).collect()
}

#[tokio::test]
async fn rules_have_the_shipped_thresholds_by_default() {
    let file = fs::read_to_string(repository("monitoring/rules.yaml")).expect("rules");
    let shipped: Value = serde_saphyr::from_str(&file).expect("YAML");
    let stock =
        rendered_rules("monitoring.rules.additionalLabels.release=kps", "monitoring.rules.alerts={}").await;
    assert_eq!(stock["metadata"]["labels"]["release"], "kps");
    assert_eq!(stock["spec"], shipped);
}

#[tokio::test]
async fn values_change_thresholds_alerts_labels_and_runbooks() {
    let set = "monitoring.rules.thresholds.backlogLateSeconds=900,monitoring.rules.thresholds.freshnessSeconds=60,\
               monitoring.rules.runbookUrl=https://wiki/ep/,\
               monitoring.rules.alertLabels.team=blue,monitoring.rules.alerts.EventPipelineNotReady.for=30m,\
               monitoring.rules.alerts.EventPipelineNotReady.severity=critical,\
               monitoring.rules.alerts.EventPipelineLatencyBurn.enabled=false";
    // Helm takes a fraction in `--set` for text.
    let rule = rendered_rules(set, "monitoring.rules.thresholds.availabilityPercent=99.95").await;
    let late = alerts(&rule, "EventPipelineBacklogLate")[0];
    assert!(late["expr"].as_str().expect("text").ends_with(":max > 900"), "{late}");
    assert!(late["annotations"]["description"].as_str().expect("text").ends_with("more than 900 s."));
    assert_eq!(late["annotations"]["runbook_url"], "https://wiki/ep/EventPipelineBacklogLate.md");
    assert_eq!(late["labels"], json!({"severity": "critical", "team": "blue"}));
    let not_ready = alerts(&rule, "EventPipelineNotReady")[0];
    assert_eq!((&not_ready["for"], &not_ready["labels"]["severity"]), (&json!("30m"), &json!("critical")));
    assert!(alerts(&rule, "EventPipelineLatencyBurn").is_empty());
    let availability = alerts(&rule, "EventPipelineAvailabilityBurn")[0];
    assert!(availability["expr"].as_str().expect("text").contains("> 14.4 * (100 - 99.95) / 100 and"));
    assert!(rule.to_string().contains(r#"le=~\"60(\\\\.0)?\""#), "{rule}");
}

#[tokio::test]
async fn an_unknown_alert_is_named() {
    let set = "monitoring.rules.enabled=true,monitoring.rules.alerts.EventPipelineLate.enabled=false";
    let refused = render(ApiServer::shared().await, &["--set", set]).expect_err("an unknown alert");
    assert!(
        refused.contains("monitoring.rules.alerts.EventPipelineLate: there is no such alert"),
        "{refused}"
    );
}

/// The files of the example are for this chart and for kube-prometheus-stack.
#[tokio::test]
async fn the_example_for_kube_prometheus_stack_fits_both_charts() {
    let read = |name: &str| {
        let file = repository(&format!("examples/kube-prometheus-stack/{name}.yaml"));
        let text = fs::read_to_string(&file).expect("an example");
        (file, serde_saphyr::from_str::<Value>(&text).expect("YAML"))
    };
    let (_, stack) = read("stack");
    let (ours, _) = read("eventpipeline");
    let rendered =
        objects(&render(ApiServer::shared().await, &["--values", text(&ours)]).expect("it renders"));
    // The stack's Prometheus selects the label `release`, with the name of its release.
    for (kind, name) in [
        ("PodMonitor", "eventpipeline-operator"),
        ("PodMonitor", "eventpipeline-pipelines"),
        ("PrometheusRule", "eventpipeline"),
    ] {
        assert_eq!(object(&rendered, kind, name)["metadata"]["labels"]["release"], "kube-prometheus-stack");
    }
    let sidecar = &stack["grafana"]["sidecar"]["dashboards"];
    let map = object(&rendered, "ConfigMap", "eventpipeline-dashboard-overview");
    let label = sidecar["label"].as_str().expect("a label");
    assert_eq!(map["metadata"]["labels"][label], sidecar["labelValue"]);
    let annotation = sidecar["folderAnnotation"].as_str().expect("an annotation");
    assert_eq!(map["metadata"]["annotations"][annotation], "EventPipeline");
    assert_eq!(sidecar["provider"]["foldersFromFilesStructure"], true);
    assert_eq!(sidecar["searchNamespace"], "ALL");
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
               monitoring.dashboards.folder=Queues,monitoring.dashboards.annotations.note=here";
    let rendered = objects(&render_chart(server, &chart, &["--set", set]).expect("it renders"));
    let map = object(&rendered, "ConfigMap", "eventpipeline-dashboard-zz-test");
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    assert_eq!(map["metadata"]["annotations"], json!({"grafana_folder": "Queues", "note": "here"}));
    assert_eq!(map["metadata"]["namespace"], "grafana");
    assert_eq!(map["data"], json!({"zz-test.json": content}));
}
