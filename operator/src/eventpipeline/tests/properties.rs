//! What holds of every spec.

use std::collections::HashSet;

use eventpipeline_crds::{EventPipeline, EventPipelineSpec};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use serde_json::{Map, Value, json};

use super::super::build::build;
use super::super::resources::{Prepared, Resources};
use super::super::validate::validate;
use super::{IMAGE, minimal};

/// An object of the fields that are there.
fn object(fields: Vec<(&'static str, Option<Value>)>) -> Value {
    Value::Object(
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Map<_, _>>(),
    )
}

fn json<T: Into<Value>>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Value> {
    strategy.prop_map(Into::into)
}

fn group_name() -> impl Strategy<Value = String> {
    "[a-z0-9]([a-z0-9-]{0,4}[a-z0-9])?"
}

/// Numbers that the schema allows, and some that it does not.
fn number() -> impl Strategy<Value = Value> {
    json(
        prop_oneof![8 => 1..=100_i64, 1 => Just(0), 1 => Just(-1), 1 => Just(i64::from(i32::MAX)), 1 => Just(i64::from(i32::MIN))],
    )
}

fn resources() -> impl Strategy<Value = Value> {
    let amounts = || {
        let cpu = select(vec![json!("250m"), json!(1), json!("1.5"), json!(".5"), json!("many")]);
        let memory = select(vec![
            json!("64Mi"),
            json!("1Gi"),
            json!("8G"),
            json!("1.5Gi"),
            json!(123_456_789),
            json!(""),
        ]);
        (of(cpu), of(memory)).prop_map(|(cpu, memory)| object(vec![("cpu", cpu), ("memory", memory)]))
    };
    (of(amounts()), of(amounts()))
        .prop_map(|(requests, limits)| object(vec![("requests", requests), ("limits", limits)]))
}

fn env() -> impl Strategy<Value = Value> {
    let name = || select(vec!["LOG_FILTER", "LOG_FORMAT", "A", "B", "DATABASE_HOST"]);
    let variable = prop_oneof![
        (name(), "[a-z]{0,3}").prop_map(|(name, value)| json!({"name": name, "value": value})),
        name()
            .prop_map(|name| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}})),
        name().prop_map(
            |name| json!({"name": name, "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}})
        ),
    ];
    vec(variable, 0..4).prop_map(|mut variables| {
        // The API server holds lists to distinct names.
        let mut seen = HashSet::new();
        variables.retain(|variable| seen.insert(variable["name"].clone()));
        variables.into()
    })
}

fn pod() -> impl Strategy<Value = Value> {
    let labels = || {
        select(vec![
            json!({}),
            json!({"team": "a"}),
            json!({"app.kubernetes.io/component": "other", "app.kubernetes.io/instance": "other"}),
        ])
    };
    let node = select(vec![
        json!([]),
        json!([{"key": "zone", "operator": "In", "values": ["a"]}]),
        json!([{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Gt", "values": ["1"], "weight": 5}]),
    ]);
    let near = || {
        select(vec![json!([]), json!([{"labels": {"a": "b"}}]), json!([{"labels": {"a": "b"}, "weight": 1}])])
    };
    let tolerations = select(vec![json!([]), json!([{"operator": "Exists"}, {"key": "a", "value": "b"}])]);
    let spread = select(vec![json!([]), json!([{"topologyKey": "zone", "maxSkew": 3}])]);
    (labels(), labels(), node, near(), near(), tolerations, spread).prop_map(
        |(labels, selector, node, near, far, tolerations, spread)| {
            json!({
                "labels": labels, "annotations": selector, "nodeSelector": selector, "nodeAffinity": node,
                "podAffinity": near, "podAntiAffinity": far, "tolerations": tolerations,
                "topologySpread": spread, "priorityClassName": "high",
            })
        },
    )
}

type Fields = Vec<(&'static str, Option<Value>)>;

/// The fields that producers and consumers have in common, without those of scale.
fn group() -> impl Strategy<Value = Fields> {
    let command = select(vec![json!(["a"]), json!(["a", "b"])]);
    (group_name(), of(Just(json!("x/y:1"))), of(command), of(env()), of(resources()), of(number()), of(pod()))
        .prop_map(|(name, image, command, env, resources, grace, pod)| {
            vec![
                ("name", Some(name.into())),
                ("image", image),
                ("command", command),
                ("env", env),
                ("resources", resources),
                ("terminationGracePeriodSeconds", grace),
                ("pod", pod),
            ]
        })
}

fn consumer() -> impl Strategy<Value = Fields> {
    let handler = select(vec![
        json!({"words": {}}),
        json!({"wordApi": {"url": "http://a/b"}}),
        json!({"http": {"url": "https://a", "timeoutSeconds": 20, "headersSecretName": "s"}}),
        json!({}),
    ]);
    let backoff =
        (number(), number()).prop_map(|(initial, max)| json!({"initialSeconds": initial, "maxSeconds": max}));
    (group(), of(handler), of(number()), of(number()), of(number()), of(backoff)).prop_map(
        |(mut fields, handler, concurrency, lease, attempts, backoff)| {
            fields.extend([
                ("handler", handler),
                ("concurrency", concurrency),
                ("leaseSeconds", lease),
                ("maxAttempts", attempts),
                ("backoff", backoff),
            ]);
            fields
        },
    )
}

fn database() -> impl Strategy<Value = Value> {
    let storage =
        select(vec![json!({}), json!({"size": "5Gi"}), json!({"size": "1Pi"}), json!({"className": "a"})]);
    let config = select(vec![json!({}), json!({"max_connections": "900", "innodb_io_capacity": "2000"})]);
    let policy = select(vec![json!("Retain"), json!("Delete")]);
    (of(storage), of(config), of(policy), of(resources()), of(pod())).prop_map(
        |(storage, config, policy, resources, pod)| {
            let managed = object(vec![
                ("storage", storage),
                ("config", config),
                ("deletionPolicy", policy),
                ("resources", resources),
                ("pod", pod),
            ]);
            json!({"managed": managed})
        },
    )
}

fn route() -> impl Strategy<Value = Value> {
    select(vec![
        json!({"ingress": {"anyHost": true}, "operations": true}),
        json!({"ingress": {"host": "a.example", "tls": {}}}),
        json!({"ingress": {"anyHost": true, "annotations": {"haproxy.org/load-balance": "leastconn"}}}),
        json!({"httpRoute": {"parentRefs": [{"name": "g"}], "hostnames": ["a.example"]}}),
        json!({}),
    ])
}

/// Everything but what scales and suspends.
#[derive(Debug, Clone)]
struct Parts {
    producers: Vec<Fields>,
    consumers: Vec<Fields>,
    rest: Fields,
}

fn parts() -> impl Strategy<Value = Parts> {
    let retention = (of(number()), of(number()))
        .prop_map(|(done, dead)| object(vec![("doneSeconds", done), ("deadSeconds", dead)]));
    let policy = select(vec![json!({"mode": "Disabled"}), json!({"metricsNamespaces": ["m"]})]);
    let rest = (of(database()), of(retention), of(route()), of(policy));
    (vec(group(), 0..4), vec(consumer(), 0..4), rest).prop_map(
        |(producers, consumers, (database, retention, route, policy))| Parts {
            producers,
            consumers,
            rest: vec![
                ("database", database),
                ("retention", retention),
                ("route", route),
                ("networkPolicy", policy),
            ],
        },
    )
}

/// What scales and suspends.
#[derive(Debug, Clone)]
struct Scale {
    producers: Fields,
    consumers: Fields,
    suspend: bool,
}

fn scale() -> impl Strategy<Value = Scale> {
    let autoscaling = |way: &'static str| {
        prop_oneof![
            Just(None),
            Just(Some(json!({"external": {}}))),
            (1..50_i32).prop_map(move |most| Some(json!({way: {"minReplicas": 1, "maxReplicas": most}}))),
        ]
    };
    let producers = (of(1..=1000_i32), autoscaling("cpu"));
    let consumers = (of(1..=1000_i32), autoscaling("backlog"), any::<bool>());
    (producers, consumers, any::<bool>()).prop_map(|((p, pa), (c, ca, suspended), suspend)| {
        let replicas = |number: Option<i32>, autoscaling: &Option<Value>| {
            number.filter(|_| autoscaling.is_none()).map(Value::from)
        };
        Scale {
            producers: vec![("replicas", replicas(p, &pa)), ("autoscaling", pa)],
            consumers: vec![
                ("replicas", replicas(c, &ca)),
                ("autoscaling", ca),
                ("suspend", Some(suspended.into())),
            ],
            suspend,
        }
    })
}

fn pipeline(parts: &Parts, scale: &Scale) -> EventPipeline {
    let groups = |groups: &[Fields], scale: &Fields| -> Value {
        groups.iter().map(|fields| object([fields.clone(), scale.clone()].concat())).collect()
    };
    let mut fields = parts.rest.clone();
    fields.push(("suspend", Some(scale.suspend.into())));
    fields.push(("producers", Some(groups(&parts.producers, &scale.producers))));
    fields.push(("consumers", Some(groups(&parts.consumers, &scale.consumers))));
    let spec: EventPipelineSpec = serde_json::from_value(object(fields)).unwrap();
    EventPipeline { spec, ..minimal() }
}

fn built(parts: &Parts, scale: &Scale) -> Option<Resources<Prepared>> {
    Some(build(&validate(&pipeline(parts, scale), IMAGE, Timestamp::UNIX_EPOCH).ok()?))
}

fn templates(resources: &Resources<Prepared>) -> Vec<PodTemplateSpec> {
    let groups = resources.producer_deployments.iter().chain(&resources.consumer_deployments);
    let groups = groups.map(|group| group.spec.clone().unwrap().template);
    let job = resources.schema_job.spec.clone().unwrap().template;
    let mysql = resources.mysql_stateful_set.clone().unwrap().spec.unwrap().template;
    groups.chain([job, mysql]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_spec_panics_and_the_same_spec_makes_the_same_objects(parts in parts(), scale in scale()) {
        let (one, other) = (built(&parts, &scale), built(&parts, &scale));
        prop_assert_eq!(format!("{one:?}"), format!("{other:?}"));
    }

    #[test]
    fn what_scales_and_suspends_touches_no_template(parts in parts(), one in scale(), other in scale()) {
        let (Some(one), Some(other)) = (built(&parts, &one), built(&parts, &other)) else { return Ok(()) };
        prop_assert_eq!(templates(&one), templates(&other));
        prop_assert_eq!(one.schema_job.metadata.name, other.schema_job.metadata.name);
    }

    /// Server-side apply refuses lists of named things that name one twice.
    #[test]
    fn names_within_a_pod_are_distinct(parts in parts(), scale in scale()) {
        let Some(resources) = built(&parts, &scale) else { return Ok(()) };
        for template in templates(&resources) {
            let pod = template.spec.unwrap();
            let volumes: Vec<_> = pod.volumes.iter().flatten().map(|volume| volume.name.clone()).collect();
            prop_assert_eq!(volumes.iter().collect::<HashSet<_>>().len(), volumes.len());
            for container in &pod.containers {
                let names: Vec<_> = container.env.iter().flatten().map(|variable| &variable.name).collect();
                prop_assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{:?}", names);
            }
        }
    }

    /// A Deployment that does not select its own pods is refused; one that selects others' takes them over.
    #[test]
    fn selectors_select_their_own_pods_and_no_others(parts in parts(), scale in scale()) {
        let Some(resources) = built(&parts, &scale) else { return Ok(()) };
        let groups: Vec<_> = resources.producer_deployments.iter().chain(&resources.consumer_deployments)
            .map(|group| group.spec.clone().unwrap())
            .collect();
        for (at, group) in groups.iter().enumerate() {
            let selector = group.selector.match_labels.clone().unwrap();
            for (other_at, other) in groups.iter().enumerate() {
                let labels = other.template.metadata.clone().unwrap().labels.unwrap();
                let selects = selector.iter().all(|(label, value)| labels.get(label) == Some(value));
                prop_assert_eq!(selects, at == other_at);
            }
        }
    }
}

/// The properties above say nothing of specs that are invalid: enough must be valid.
#[test]
fn many_of_the_specs_are_valid() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let valid = (0..200)
        .filter(|_| {
            let parts = parts().new_tree(&mut runner).unwrap().current();
            let scale = scale().new_tree(&mut runner).unwrap().current();
            built(&parts, &scale).is_some()
        })
        .count();
    assert!(valid >= 20, "{valid} of 200");
}
