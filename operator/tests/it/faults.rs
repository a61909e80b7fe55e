//! Faults at the n-th write in the life of a pipeline, which is created, changed and changed back.
//!
//! The API server fails, or the operator is killed. In the end the objects equal those of an undisturbed run,
//! and objects of other owners are unchanged. A run covers some of the writes. `OPERATOR_FAULTS=all` covers
//! all of them and takes longer walks.

mod field;
mod walk;

use std::collections::BTreeMap;

use eventpipeline_testkit::CallFault;
use http::Method;
use serde_json::{Value, json};

use super::operator::Operator;
use field::Field;

/// Distance between two covered writes in a short run.
const STRIDE: usize = 6;

fn first() -> Value {
    json!({
        "producers": [{"name": "default", "replicas": 3}],
        "consumers": [{"name": "default", "replicas": 2}],
        "route": {"ingress": {"host": "shop.example.com"}},
    })
}

/// Returns a spec that adds, removes, scales and hands over groups.
fn second() -> Value {
    json!({
        "producers": [{"name": "default", "autoscaling": {"cpu": {"maxReplicas": 5}}}, {"name": "more"}],
        "consumers": [{"name": "default", "replicas": 4, "maxAttempts": 7}],
    })
}

#[expect(clippy::disallowed_methods, reason = "cargo passes no arguments of ours to tests")]
fn is_long() -> bool {
    std::env::var("OPERATOR_FAULTS").is_ok_and(|runs| runs == "all")
}

fn is_write(method: &Method, path: &str) -> bool {
    method != Method::GET && !path.contains("/events")
}

/// The number of writes in the life of a pipeline, and its objects in both states.
struct Life {
    writes: usize,
    first: BTreeMap<String, Value>,
    second: BTreeMap<String, Value>,
}

async fn life(field: &Field) -> Life {
    let operator = Operator::through(&field.proxy, &field.cluster.namespace);
    operator.becomes_ready().await;
    field.proxy.fail(is_write, usize::MAX, 0, CallFault::Cut);
    let first_state = field.undisturbed(first()).await;
    let second_state = field.undisturbed(second()).await;
    let again = field.undisturbed(first()).await;
    assert_eq!(again, first_state);
    let calls = field.proxy.calls();
    let writes = calls.iter().filter(|call| {
        let (method, path) = call.split_once(' ').unwrap();
        is_write(&method.parse().unwrap(), path)
    });
    let writes = writes.count();
    drop(operator);
    field.clear().await;
    println!("a pipeline's life takes {writes} writes");
    Life { writes, first: first_state, second: second_state }
}

/// Returns the numbers of the covered writes. Each test starts at another `part`.
fn numbers(writes: usize, part: usize) -> Vec<usize> {
    if is_long() { (1..=writes).collect() } else { (1 + part..=writes).step_by(STRIDE).collect() }
}

async fn disturbed(namespace: &str, fault: CallFault, part: usize) {
    let field = Field::new(namespace).await;
    let life = life(&field).await;
    let operator = Operator::through(&field.proxy, namespace);
    operator.becomes_ready().await;
    for number in numbers(life.writes, part) {
        let what = format!("{fault:?} at write {number}");
        field.proxy.fail(is_write, number, 1, fault);
        for (spec, wanted) in [(first(), &life.first), (second(), &life.second), (first(), &life.first)] {
            field.cluster.apply("demo", spec).await.unwrap();
            field.becomes(wanted, &what).await;
        }
        field.proxy.heal();
        field.clear().await;
    }
    assert!(!operator.log().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_at_any_write_are_overcome() {
    disturbed("fault-409", CallFault::Answer(409), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_at_any_write_are_overcome() {
    disturbed("fault-429", CallFault::Answer(429), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn server_errors_at_any_write_are_overcome() {
    disturbed("fault-500", CallFault::Answer(500), 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_connections_at_any_write_are_overcome() {
    disturbed("fault-cut", CallFault::Cut, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_responses_at_any_write_are_overcome() {
    disturbed("fault-lost", CallFault::Lost, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_killed_at_any_write_is_replaced() {
    let field = Field::new("fault-kill").await;
    let life = life(&field).await;
    let mut operator = Operator::through(&field.proxy, "fault-kill");
    operator.becomes_ready().await;
    for number in numbers(life.writes, 5) {
        // Before or after the write takes effect.
        let fault = if number % 2 == 0 { CallFault::Silence } else { CallFault::SilenceAfter };
        let what = format!("killed at write {number}, {fault:?}");
        field.proxy.fail(is_write, number, 1, fault);
        for (spec, wanted) in [(first(), &life.first), (second(), &life.second), (first(), &life.first)] {
            field.cluster.apply("demo", spec).await.unwrap();
            let before = field.proxy.strikes();
            tokio::select! {
                () = field.becomes(wanted, &what) => {}
                () = field.proxy.struck(1), if before == 0 => {
                    operator.signal("KILL");
                    operator = Operator::through(&field.proxy, "fault-kill");
                    field.becomes(wanted, &what).await;
                }
            }
        }
        field.proxy.heal();
        field.clear().await;
    }
}
