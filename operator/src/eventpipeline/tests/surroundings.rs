//! Requirements of clusters, their policies and common tools.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{minimal, prepared, with_spec};

/// The Job has the scheduling rules, labels and annotations of the database's pod.
#[test]
fn the_schema_job_is_scheduled_like_the_database() {
    let pod = "{tolerations: [{key: d, operator: Exists}], nodeSelector: {disk: ssd}, priorityClassName: high, \
                labels: {team: data}, annotations: {sidecar.istio.io/inject: \"false\"}}";
    let template = |spec: &str| prepared(&with_spec(spec)).schema_job.spec.unwrap().template;
    for spec in [
        format!("{{database: {{managed: {{pod: {pod}}}}}}}"),
        format!("{{database: {{external: {{secretName: a}}}}, producers: [{{name: a, pod: {pod}}}]}}"),
    ] {
        let template = template(&spec);
        let (metadata, job) = (template.metadata.unwrap(), template.spec.unwrap());
        assert_eq!(metadata.labels.unwrap()["team"], "data", "{spec}");
        assert_eq!(metadata.annotations.unwrap()["sidecar.istio.io/inject"], "false", "{spec}");
        assert_eq!(job.tolerations.unwrap()[0].key.as_deref(), Some("d"), "{spec}");
        assert_eq!(job.node_selector.unwrap()["disk"], "ssd", "{spec}");
        assert_eq!(job.priority_class_name.as_deref(), Some("high"), "{spec}");
    }
    let given = template("{schemaJob: {resources: {limits: {memory: 1.5Gi}}}}").spec.unwrap();
    let limits = given.containers[0].resources.clone().unwrap().limits.unwrap();
    assert_eq!(limits["memory"].0, "1.5Gi");
}

/// A `LimitRange` may bound the ratio of limits to requests. Resources that users can't set must comply.
#[test]
fn resources_that_users_can_not_set_have_a_ratio_of_at_most_ten() {
    let resources = prepared(&minimal());
    let groups = resources.producer_deployments.iter().chain(&resources.consumer_deployments);
    let groups = groups.map(|group| group.spec.clone().unwrap().template);
    let database = resources.mysql_stateful_set.clone().unwrap().spec.unwrap().template;
    let job = resources.schema_job.spec.clone().unwrap().template;
    let bytes = |amount: &str| super::super::validate::quantity::bytes(amount).unwrap();
    for template in groups.chain([database, job]) {
        let given = template.spec.unwrap().containers[0].resources.clone().unwrap();
        let amount = |amounts: &Option<BTreeMap<_, Quantity>>| {
            bytes(&amounts.as_ref().unwrap()["ephemeral-storage"].0)
        };
        assert!(amount(&given.limits) <= 10 * amount(&given.requests), "{given:?}");
    }
}

/// Tools that prune labeled objects would delete the data of a running pipeline.
#[test]
fn objects_without_an_owner_are_protected_from_pruning() {
    let resources = prepared(&minimal());
    let claims = resources.mysql_stateful_set.unwrap().spec.unwrap().volume_claim_templates.unwrap();
    let secrets = resources.secrets.iter().map(|secret| &secret.object.metadata);
    let mut without_owner = 0;
    for metadata in secrets.chain(claims.iter().map(|claim| &claim.metadata)) {
        let kept = metadata.annotations.as_ref().is_some_and(|annotations| {
            annotations["argocd.argoproj.io/sync-options"] == "Prune=false,Delete=false"
                && annotations["kustomize.toolkit.fluxcd.io/prune"] == "disabled"
        });
        assert_eq!(kept, metadata.owner_references.is_none(), "{metadata:?}");
        without_owner += usize::from(kept);
    }
    assert_eq!(without_owner, 4);
}

/// A handler's response can be read by anyone who may read events.
#[test]
fn no_rule_leads_to_a_metadata_server() {
    let policies = |spec: &str| prepared(&with_spec(spec)).network_policies;
    let handler = "consumers: [{name: a, handler: {http: {url: \"http://a\"}}}]";
    let external = "database: {external: {secretName: a}}";
    for policy in policies(&format!("{{{handler}, {external}}}")) {
        let spec = policy.spec.unwrap();
        for rule in spec.egress.iter().flatten() {
            let dns = rule.ports.iter().flatten().any(|port| port.port == Some(IntOrString::Int(53)));
            let to = rule.to.as_ref().expect("no rule leads everywhere");
            for block in to.iter().filter_map(|peer| peer.ip_block.as_ref()).filter(|_| !dns) {
                let except = block.except.as_ref().unwrap();
                let metadata = if block.cidr == "::/0" { "fd00:ec2::254/128" } else { "169.254.0.0/16" };
                assert!(except.iter().any(|network| network == metadata), "{except:?}");
            }
        }
    }
    let named = policies(&format!("{{{handler}, networkPolicy: {{egress: [203.0.113.0/24]}}}}"));
    let out = named.iter().find(|policy| policy.metadata.name.as_deref() == Some("orders-consumer-a"));
    let to = out.unwrap().spec.clone().unwrap().egress.unwrap()[0].to.clone().unwrap();
    let blocks: Vec<_> = to.iter().filter_map(|peer| Some(peer.ip_block.as_ref()?.cidr.as_str())).collect();
    assert_eq!(blocks, ["203.0.113.0/24"]);
}
