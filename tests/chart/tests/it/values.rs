//! Wrong values are rejected by name before the installation, and the chart works as a subchart.

use std::fs;

use eventpipeline_testkit::ApiServer;
use serde_json::Value;

use crate::{chart, copy, render, text};

#[tokio::test]
async fn a_wrong_value_is_named() {
    let server = ApiServer::shared().await;
    for (value, named) in [
        ("replicas=many", "/replicas"),
        ("leaderElection.leaseSeconds=1", "/leaderElection/leaseSeconds"),
        ("leaderElection.enabled=false", "more than 1 requires leaderElection.enabled"),
        ("image.name=x", "'name' not allowed"),
        ("image.digest=latest", "/image/digest"),
        ("image.registry=", "image.registry: no image can be published as \"eventpipeline\""),
        ("image.registry=r.example.com/Team", "/image/registry"),
        ("image.repository=team/eventpipeline:1", "The tag belongs in image.tag"),
        ("image.repository=team//eventpipeline", "is not the name of an image"),
        ("image.tag=a tag", "/image/tag"),
        ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
        ("watchNamespaces={Team_A}", "/watchNamespaces/0"),
        ("log.format=xml", "/log/format"),
        ("crds.enabled=1", "/crds/enabled"),
        ("crds.keep=maybe", "/crds/keep"),
        ("global.imageRegistry=http://r", "/global/imageRegistry"),
        ("podSecurity.runAsUser=1", "'podSecurity' not allowed"),
        ("extraArgs=-v", "/extraArgs"),
        ("livenessProbe.httpGet.path=/", "/livenessProbe"),
        ("networkPolicy.apiServerPorts={https}", "/networkPolicy/apiServerPorts"),
        ("monitoring.podMonitor.interval=soon", "/monitoring/podMonitor/interval"),
        ("monitoring.dashboards.labelValue=1", "/monitoring/dashboards/labelValue"),
        (
            "monitoring.rules.thresholds.backlogLateSeconds=0",
            "/monitoring/rules/thresholds/backlogLateSeconds",
        ),
        (
            "monitoring.rules.thresholds.handlerFailureRatio=50",
            "/monitoring/rules/thresholds/handlerFailureRatio",
        ),
        ("monitoring.rules.thresholds.latencySeconds=0.3", "/monitoring/rules/thresholds/latencySeconds"),
        (
            "monitoring.rules.thresholds.availabilityPercent=100",
            "/monitoring/rules/thresholds/availabilityPercent",
        ),
        ("monitoring.rules.thresholds.trafficFloor=null", "trafficFloor"),
        ("monitoring.rules.thresholds.backlog=1", "'backlog' not allowed"),
        (
            "monitoring.rules.alerts.EventPipelineStalled.for=soon",
            "/monitoring/rules/alerts/EventPipelineStalled/for",
        ),
        ("monitoring.rules.alerts.EventPipelineStalled.severity=page", "/EventPipelineStalled/severity"),
        ("monitoring.rules.runbookUrl=wiki", "/monitoring/rules/runbookUrl"),
        ("pipeline.name=Orders", "/pipeline/name"),
        ("test.timeout=", "/test/timeout"),
    ] {
        let refused = render(server, &["--set", value]).expect_err(value);
        assert!(refused.contains(named), "{value}: {refused}");
    }
}

#[tokio::test]
async fn the_chart_works_as_a_subchart() {
    let server = ApiServer::shared().await;
    let folder = tempfile::tempdir().expect("a folder");
    let dependency = "name: eventpipeline\n    version: '*'\n    condition: eventpipeline.enabled";
    let whole = format!("apiVersion: v2\nname: whole\nversion: 1.0.0\ndependencies:\n  - {dependency}\n");
    fs::write(folder.path().join("Chart.yaml"), whole).expect("a chart");
    let values =
        "global: {imageRegistry: r.example.com}\neventpipeline: {enabled: true, log: {format: text}}\n";
    fs::write(folder.path().join("values.yaml"), values).expect("values");
    copy(&chart(), &folder.path().join("charts/eventpipeline"));

    let rendered = server.helm(["template", "whole", text(folder.path())]).expect("it renders");
    assert!(rendered.contains("name: whole-eventpipeline-operator"), "{rendered}");
    assert!(rendered.contains("image: \"r.example.com/eventpipeline:"), "{rendered}");
    let off = server.helm(["template", "whole", text(folder.path()), "--set", "eventpipeline.enabled=false"]);
    assert_eq!(off.expect("it renders").trim(), "");
}

#[test]
fn values_yaml_lists_every_value_of_the_schema() {
    let schema = fs::read_to_string(chart().join("values.schema.json")).expect("a schema");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let values = fs::read_to_string(chart().join("values.yaml")).expect("values");
    let values: Value = serde_saphyr::from_str(&values).expect("YAML");
    assert_eq!(absent(&schema, &values, ""), Vec::<String>::new());
}

/// Returns the paths in the schema that values.yaml does not list.
fn absent(schema: &Value, values: &Value, path: &str) -> Vec<String> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let each = properties.flat_map(|(name, schema)| match values.get(name) {
        Some(value) => absent(schema, value, &format!("{path}{name}.")),
        None => vec![format!("{path}{name}")],
    });
    each.collect()
}
