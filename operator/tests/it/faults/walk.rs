//! Random walks through specs.

use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::super::operator::Operator;
use super::field::Field;
use super::{first, is_long};

fn specs() -> impl Strategy<Value = Value> {
    let scale = prop_oneof![
        (1..5_i32).prop_map(|replicas| json!({"replicas": replicas})),
        Just(json!({"autoscaling": {"external": {}}})),
    ];
    let producers = prop_oneof![scale.clone(), Just(json!({"autoscaling": {"cpu": {"maxReplicas": 4}}}))];
    let backlog = Just(json!({"autoscaling": {"backlog": {"minReplicas": 0, "maxReplicas": 3}}}));
    let consumers = prop_oneof![scale, backlog];
    let route = prop_oneof![Just(None), Just(Some(json!({"ingress": {"host": "other.example.com"}})))];
    let policy = prop_oneof![Just("Enabled"), Just("Disabled")].prop_map(|mode| json!({"mode": mode}));
    let more = proptest::bool::ANY;
    (producers, consumers, route, policy, more, proptest::bool::ANY).prop_map(
        |(producers, consumers, route, policy, more, suspend)| {
            let named = |name: &str, of: &Value| {
                let mut group = of.clone();
                group["name"] = json!(name);
                group
            };
            let mut groups = vec![named("default", &producers)];
            if more {
                groups.push(named("more", &producers));
            }
            let mut spec = json!({
                "producers": groups, "consumers": [named("default", &consumers)], "networkPolicy": policy,
                "suspend": suspend,
            });
            if let Some(route) = route {
                spec["route"] = route;
            }
            spec
        },
    )
}

/// After any sequence of specs, with occasional kills of the operator, the objects match the last spec.
#[tokio::test(flavor = "multi_thread")]
async fn a_random_walk_through_specs_ends_where_it_began() {
    let field = Field::new("walk").await;
    let mut operator = Operator::through(&field.proxy, "walk");
    operator.becomes_ready().await;
    let home = field.undisturbed(first()).await;
    let mut runner = TestRunner::default();
    for walk in 0..if is_long() { 100 } else { 4 } {
        let mut way = Vec::new();
        for step in 0..4 {
            let spec = specs().new_tree(&mut runner).unwrap().current();
            way.push(spec.clone());
            field.cluster.apply("demo", spec).await.unwrap();
            if (walk + step) % 3 == 0 {
                field.reconciled().await;
            }
            if walk % 2 == 1 && step == 2 {
                operator.signal("KILL");
                operator = Operator::through(&field.proxy, "walk");
            }
        }
        field.cluster.apply("demo", first()).await.unwrap();
        field.becomes(&home, &format!("after {way:?}")).await;
    }
}
