//! Generates specs.

use std::collections::HashSet;

use eventpipeline_crds::{EventPipeline, EventPipelineSpec};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::minimal;

/// Returns an object with the fields that are set.
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

/// Generates numbers that the schema allows, and some that it does not.
fn number() -> impl Strategy<Value = Value> {
    json(
        prop_oneof![12 => 1..=100_i64, 1 => Just(0), 1 => Just(-1), 1 => Just(i64::from(i32::MAX)), 1 => Just(i64::from(i32::MIN))],
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
        // The API server accepts only distinct names.
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
    let further = select(vec![
        json!({}),
        json!({"serviceAccountName": "a", "imagePullSecrets": [{"name": "a"}]}),
        json!({
            "volumes": [{"name": "a", "emptyDir": {"sizeLimit": "1Mi"}}],
            "volumeMounts": [{"name": "a", "mountPath": "/a"}],
            "initContainers": [{"name": "a", "image": "a"}, {"name": "b", "image": "b", "restartPolicy": "Always"}],
        }),
    ]);
    (labels(), labels(), node, near(), near(), tolerations, spread, further).prop_map(
        |(labels, selector, node, near, far, tolerations, spread, further)| {
            let mut pod = json!({
                "labels": labels, "annotations": selector, "nodeSelector": selector, "nodeAffinity": node,
                "podAffinity": near, "podAntiAffinity": far, "tolerations": tolerations,
                "topologySpread": spread, "priorityClassName": "high",
            });
            pod.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
            pod
        },
    )
}

type Fields = Vec<(&'static str, Option<Value>)>;

/// Generates the common fields of producers and consumers, without those of their scale.
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
    let types = select(vec![json!(["order.*"]), json!(["invoice.created", "a:b"])]);
    let backoff =
        (number(), number()).prop_map(|(initial, max)| json!({"initialSeconds": initial, "maxSeconds": max}));
    (group(), of(types), of(handler), of(number()), of(number()), of(number()), of(backoff)).prop_map(
        |(mut fields, types, handler, concurrency, lease, attempts, backoff)| {
            fields.extend([
                ("types", types),
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

/// A spec without the fields that scale and suspend.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    producers: Vec<Fields>,
    consumers: Vec<Fields>,
    rest: Fields,
}

pub(super) fn parts() -> impl Strategy<Value = Parts> {
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

/// The fields of a spec that scale and suspend.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    producers: Fields,
    consumers: Fields,
    suspend: bool,
}

pub(super) fn scale() -> impl Strategy<Value = Scale> {
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

pub(super) fn pipeline(parts: &Parts, scale: &Scale) -> EventPipeline {
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
