//! Snapshots of whole objects, and what must not change.

use insta::assert_yaml_snapshot;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::render;
use super::{minimal, prepared, with_spec};

/// A spec that sets every field to another value than its default.
pub(super) const FULL: &str = r#"{
  database: {managed: {
    image: "mysql:8.4",
    storage: {size: 20Gi, className: fast},
    deletionPolicy: Delete,
    resources: {requests: {cpu: 1, memory: 4Gi}, limits: {memory: 8Gi}},
    config: {max_connections: "900", innodb_io_capacity: "2000"},
    pod: {labels: {team: data}, nodeSelector: {disk: ssd}, tolerations: [{key: database, value: mysql, effect: NoSchedule}], priorityClassName: high},
  }},
  producers: [
    {name: rust, autoscaling: {cpu: {minReplicas: 3, maxReplicas: 30, targetUtilizationPercentage: 60}}, terminationGracePeriodSeconds: 90},
    {name: node, replicas: 1, image: "registry.example/node:7", resources: {limits: {cpu: "1.5"}}, env: [
      {name: LOG_FILTER, value: debug},
      {name: TOKEN, valueFrom: {secretKeyRef: {name: tokens, key: node}}},
      {name: COLOUR, valueFrom: {configMapKeyRef: {name: colours, key: node}}},
    ]},
  ],
  consumers: [
    {name: words, replicas: 4, suspend: true},
    {name: api, autoscaling: {external: {}}, image: "registry.example/python:9", command: [python, -m, consumer],
      handler: {wordApi: {url: "http://words/api", timeoutSeconds: 5}}},
    {name: http, autoscaling: {backlog: {minReplicas: 0, maxReplicas: 40, targetAgeSeconds: 30}},
      handler: {http: {url: "https://handler.example/events", timeoutSeconds: 45, headersSecretName: handler-token, finalStatuses: [400, 404]}},
      types: [order.*, invoice.created], concurrency: 64, leaseSeconds: 90, maxAttempts: 3, backoff: {initialSeconds: 5, maxSeconds: 60},
      terminationGracePeriodSeconds: 180,
      pod: {
        labels: {team: shop, app.kubernetes.io/part-of: shop},
        annotations: {sidecar.istio.io/inject: "false"},
        nodeAffinity: [
          {key: zone, operator: In, values: [a, b]},
          {key: cores, operator: Gt, values: ["4"]},
          {key: spot, operator: Exists, weight: 50},
        ],
        podAffinity: [{labels: {app: handler}, topologyKey: zone, weight: 10}],
        podAntiAffinity: [{labels: {app: noisy}}],
        tolerations: [{operator: Exists, effect: NoExecute, tolerationSeconds: 60}],
        topologySpread: [{topologyKey: zone, maxSkew: 2, whenUnsatisfiable: DoNotSchedule}],
        priorityClassName: low,
      }},
  ],
  retention: {doneSeconds: 86400, deadSeconds: 604800},
  route: {ingress: {className: contour, host: events.example, path: /events, tls: {secretName: events-tls}, annotations: {
    projectcontour.io/response-timeout: 90s, example.com/owner: shop,
  }}},
  networkPolicy: {metricsNamespaces: [monitoring]},
}"#;

#[test]
fn minimal_pipeline() {
    let resources = prepared(&minimal());
    assert_yaml_snapshot!("minimal_mysql_service", resources.mysql_service);
    assert_yaml_snapshot!("minimal_mysql_stateful_set", resources.mysql_stateful_set);
    assert_yaml_snapshot!("minimal_schema_job", resources.schema_job);
    assert_yaml_snapshot!("minimal_wakeups_service", resources.wakeups_service);
    assert_yaml_snapshot!("minimal_producer_service", resources.producer_service);
    assert_yaml_snapshot!("minimal_producer_deployments", resources.producer_deployments);
    assert_yaml_snapshot!("minimal_consumer_deployments", resources.consumer_deployments);
    assert_yaml_snapshot!("minimal_network_policies", resources.network_policies);
    assert_yaml_snapshot!("minimal_disruption_budgets", resources.disruption_budgets);
    assert_eq!((resources.ingress, resources.http_route, resources.autoscalers), (None, None, Vec::new()));
}

#[test]
fn full_pipeline() {
    let resources = prepared(&with_spec(FULL));
    assert_yaml_snapshot!("full_mysql_stateful_set", resources.mysql_stateful_set);
    assert_yaml_snapshot!("full_producer_deployments", resources.producer_deployments);
    assert_yaml_snapshot!("full_consumer_deployments", resources.consumer_deployments);
    assert_yaml_snapshot!("full_ingress", resources.ingress);
    assert_yaml_snapshot!("full_network_policies", resources.network_policies);
    assert_yaml_snapshot!("full_autoscalers", resources.autoscalers);
}

#[test]
fn an_http_route_has_no_time_limit() {
    let resources = prepared(&with_spec(
        "{route: {httpRoute: {parentRefs: [{name: edge, namespace: gateways, sectionName: https}], \
          hostnames: [events.example], path: /events}}}",
    ));
    assert!(resources.ingress.is_none());
    assert_yaml_snapshot!("http_route", resources.http_route);
}

#[test]
fn a_route_leads_to_the_requested_port() {
    let resources = prepared(&with_spec("{route: {ingress: {anyHost: true}}}"));
    assert_yaml_snapshot!("any_host_ingress", resources.ingress);
    let resources = prepared(&with_spec("{route: {operations: true, ingress: {host: a.example}}}"));
    let ingress = serde_json::to_value(resources.ingress).unwrap();
    let backend = &ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"];
    assert_eq!(backend, &json!({"name": "orders-producers", "port": {"name": "http"}}));
    let route = "{route: {operations: true, httpRoute: {anyHost: true, parentRefs: [{name: g}]}}}";
    let route = prepared(&with_spec(route)).http_route.unwrap();
    assert_eq!((route.spec.rules[0].backend_refs[0].port, route.spec.hostnames), (80, None));
}

/// The ports of a group of producers, and the variables with its addresses.
type Addresses = (Vec<(String, i32)>, Vec<String>);

/// Returns the addresses of each group of producers.
fn addresses(spec: &str) -> Vec<Addresses> {
    let deployments = prepared(&with_spec(spec)).producer_deployments;
    deployments
        .into_iter()
        .map(|deployment| {
            let pod = deployment.spec.unwrap().template.spec.unwrap();
            let container = pod.containers.into_iter().next().unwrap();
            let ports = container.ports.unwrap().into_iter();
            let ports = ports
                .map(|port| (port.name.unwrap(), port.container_port))
                .take_while(|(name, _)| name != "admin");
            let ports = ports.collect();
            let expected_variables = ["LISTEN_ADDRESS", "PUBLIC_ADDRESS", "BASE_PATH"];
            let variables = container
                .env
                .unwrap()
                .into_iter()
                .filter(|it| expected_variables.contains(&it.name.as_str()));
            (ports, variables.map(|it| format!("{}={}", it.name, it.value.unwrap())).collect())
        })
        .collect()
}

#[test]
fn producers_have_a_port_for_the_public_part() {
    let both = vec![("http".to_owned(), 8080), ("public".to_owned(), 8081)];
    let one = vec![("public".to_owned(), 8080)];
    let (listen, public) = ("LISTEN_ADDRESS=[::]:8080".to_owned(), "PUBLIC_ADDRESS=[::]:8081".to_owned());
    let groups = "producers: [{name: ours}, {name: theirs, image: other:1}]";
    assert_eq!(
        addresses(&format!("{{{groups}, route: {{ingress: {{host: a.example, path: /orders/}}}}}}")),
        [
            (both.clone(), vec![listen.clone(), public.clone(), "BASE_PATH=/orders".to_owned()]),
            // Our program in another image serves only the public part.
            (
                one.clone(),
                vec![listen.clone(), "PUBLIC_ADDRESS=[::]:8080".to_owned(), "BASE_PATH=/orders".to_owned()]
            ),
        ]
    );
    for all in ["", ", route: {operations: true, ingress: {host: a.example}}"] {
        assert_eq!(
            addresses(&format!("{{{groups}{all}}}")),
            [(both.clone(), vec![listen.clone(), public.clone()]), (one.clone(), vec![listen.clone()])]
        );
    }
}

#[test]
fn network_policies_can_be_disabled() {
    let resources = prepared(&with_spec("{networkPolicy: {mode: Disabled}}"));
    assert_eq!(resources.network_policies, Vec::new());
}

/// A spec that was reordered must not restart pods.
#[test]
fn the_order_of_fields_does_not_change_the_objects() {
    /// Returns the YAML of a value with the fields of each object in reverse order.
    fn reversed(value: &Value) -> String {
        match value {
            Value::Object(fields) => {
                let fields =
                    fields.iter().rev().map(|(name, value)| format!("{name:?}: {}", reversed(value)));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
            }
            Value::Array(items) => {
                format!("[{}]", items.iter().map(reversed).collect::<Vec<_>>().join(", "))
            }
            scalar => scalar.to_string(),
        }
    }
    let spec: Value = serde_saphyr::from_str(FULL).unwrap();
    let (original, reordered) = (with_spec(FULL), with_spec(&reversed(&spec)));
    assert_eq!(render(&reordered, super::IMAGE).unwrap(), render(&original, super::IMAGE).unwrap());
}

/// A changed template replaces all pods.
#[test]
fn scaling_and_suspending_change_no_template() {
    let templates = |spec: &str| {
        let resources = prepared(&with_spec(spec));
        let groups = resources.producer_deployments.iter().chain(&resources.consumer_deployments);
        let groups: Vec<_> = groups.map(|group| group.spec.clone().unwrap().template).collect();
        (groups, resources.mysql_stateful_set, resources.schema_job)
    };
    let spec = |replicas: i32, suspend: bool| {
        format!(
            "{{producers: [{{name: a, replicas: {replicas}}}], \
               consumers: [{{name: b, replicas: {replicas}, suspend: {suspend}}}]}}"
        )
    };
    let base = templates(&spec(1, false));
    for replicas in [1, 2, 1000] {
        for suspend in [false, true] {
            assert_eq!(templates(&spec(replicas, suspend)), base, "{replicas} {suspend}");
        }
    }
}

#[test]
fn a_suspended_group_has_no_pods_and_keeps_its_deployment() {
    let resources = prepared(&with_spec("{consumers: [{name: a, replicas: 7, suspend: true}]}"));
    let replicas = |index: usize| resources.consumer_deployments[index].spec.as_ref().unwrap().replicas;
    assert_eq!((resources.consumer_deployments.len(), replicas(0)), (1, Some(0)));
}

/// The owner of `replicas` writes it. Two owners would overwrite each other forever.
#[test]
fn replicas_are_left_to_their_owner_except_to_suspend() {
    let replicas = |spec: &str| {
        let resources = prepared(&with_spec(spec));
        let of =
            |deployment: &k8s_openapi::api::apps::v1::Deployment| deployment.spec.clone().unwrap().replicas;
        (of(&resources.producer_deployments[0]), of(&resources.consumer_deployments[0]))
    };
    assert_eq!(replicas("{}"), (Some(2), Some(2)));
    assert_eq!(replicas("{suspend: true}"), (Some(2), Some(0)));
    for (producer, consumer, consumers) in [
        // Decided by the operator, starting with the minimum.
        ("{cpu: {maxReplicas: 5}}", "{backlog: {minReplicas: 3, maxReplicas: 5}}", Some(3)),
        ("{external: {}}", "{external: {}}", None),
    ] {
        let spec = |suspend: bool| {
            format!(
                "{{producers: [{{name: a, autoscaling: {producer}}}], \
                   consumers: [{{name: b, autoscaling: {consumer}, suspend: {suspend}}}]}}"
            )
        };
        assert_eq!(replicas(&spec(false)), (None, consumers));
        assert_eq!(replicas(&spec(true)), (None, Some(0)));
    }
}

/// The last of two arguments for the same option takes effect.
#[test]
fn options_that_durability_depends_on_override_the_authors() {
    let resources = prepared(&with_spec("{database: {managed: {config: {max_connections: \"9\"}}}}"));
    let pod = resources.mysql_stateful_set.unwrap().spec.unwrap().template.spec.unwrap();
    let arguments = pod.containers[0].args.clone().unwrap();
    let last = |option: &str| {
        arguments
            .iter()
            .rfind(|argument| argument.starts_with(option))
            .unwrap()
            .split_once('=')
            .unwrap()
            .1
            .to_owned()
    };
    assert_eq!(last("--sync-binlog"), "1");
    assert_eq!(last("--innodb-flush-log-at-trx-commit"), "1");
    assert_eq!(last("--max-connections"), "9");
    let place = |option: &str| arguments.iter().rposition(|argument| argument.starts_with(option)).unwrap();
    assert!(place("--max-connections=9") < place("--sync-binlog"));
}

#[test]
fn a_new_image_creates_a_new_schema_job() {
    let job = |image: &str| {
        let validated = super::validation::validate(&minimal(), image, Timestamp::UNIX_EPOCH).unwrap();
        super::super::build::build(&validated).schema_job.metadata.name.unwrap()
    };
    assert_eq!(job("ours:1"), job("ours:1"));
    assert_ne!(job("ours:1"), job("ours:2"));
}

/// Another image has its own entrypoint.
#[test]
fn only_our_own_image_gets_our_command() {
    let commands = |group: &str| {
        let resources = prepared(&with_spec(&format!("{{producers: [{group}]}}")));
        let pod = resources.producer_deployments[0].spec.as_ref().unwrap().template.spec.clone().unwrap();
        (pod.containers[0].image.clone().unwrap(), pod.containers[0].command.clone().unwrap_or_default())
    };
    let own = ["/eventpipeline-producer", "serve"].map(str::to_owned).to_vec();
    assert_eq!(commands("{name: a}"), (super::IMAGE.to_owned(), own));
    assert_eq!(commands("{name: a, image: x}"), ("x".to_owned(), Vec::new()));
    assert_eq!(commands("{name: a, image: x, command: [y]}"), ("x".to_owned(), vec!["y".to_owned()]));
}
