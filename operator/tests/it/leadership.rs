//! Two operators, one of which leads.

use std::time::{Duration, Instant};

use eventpipeline_crds::EventPipeline;
use eventpipeline_testkit::{ApiProxy, CallFault};
use k8s_openapi::api::coordination::v1::Lease;
use serde_json::json;

use super::cluster::{Cluster, until};
use super::operator::Operator;

const LEADS: &str = "leader_election_master_status{name=\"eventpipeline-operator\"}";
/// The duration of the default installation. A shorter one would expire on a busy machine.
const SECONDS: u64 = 15;

/// Starts a candidate and waits until it is ready, as the leader or as a standby.
async fn candidate(cluster: &Cluster) -> Operator {
    let seconds = SECONDS.to_string();
    let election = ["--lease-namespace", &cluster.namespace, "--lease-seconds", &seconds];
    let operator = Operator::with(cluster.server, &cluster.namespace, &election);
    operator.becomes_ready().await;
    operator
}

fn leads(operator: &Operator) -> bool {
    operator.metric(LEADS) == Some(1.0)
}

async fn seen(cluster: &Cluster, pipeline: &str) {
    until(format!("{pipeline} to be seen"), async || {
        let pipeline = cluster.api::<EventPipeline>().get(pipeline).await.unwrap();
        (pipeline.status?.observed_generation == pipeline.metadata.generation).then_some(())
    })
    .await;
}

async fn transitions(cluster: &Cluster) -> i32 {
    let lease = cluster.api::<Lease>().get("eventpipeline-operator").await.unwrap();
    lease.spec.unwrap().lease_transitions.unwrap()
}

#[tokio::test]
async fn a_standby_takes_over_when_the_leader_is_killed_or_stopped() {
    let cluster = Cluster::new("leader").await;
    let first = candidate(&cluster).await;
    until("a leader", async || leads(&first).then_some(())).await;
    let second = candidate(&cluster).await;
    cluster.apply("one", json!({})).await.unwrap();
    cluster.condition_is("one", "Ready", "False/DatabaseNotReady").await;
    assert!(!leads(&second));
    assert_eq!((second.requests("PATCH"), second.reconciles("success")), (0, 0));

    first.signal("KILL");
    let killed = Instant::now();
    cluster.apply("two", json!({})).await.unwrap();
    seen(&cluster, "two").await;
    let took = killed.elapsed();
    println!("takeover after kill -9, with a Lease of {SECONDS} s: {took:.1?}");
    assert!(leads(&second));
    assert_eq!(transitions(&cluster).await, 1);

    let third = candidate(&cluster).await;
    assert!(!leads(&third));
    second.signal("TERM");
    let told = Instant::now();
    // Until it handles the signal, the second operator reconciles pipelines as before.
    until("the third to lead", async || leads(&third).then_some(())).await;
    cluster.apply("three", json!({})).await.unwrap();
    seen(&cluster, "three").await;
    let took = told.elapsed();
    println!("takeover after SIGTERM: {took:.1?}");
    until("the second to stop", async || {
        second.log().contains("eventpipeline-operator stopped").then_some(())
    })
    .await;
    assert!(second.log().contains("released the Lease"), "{}", second.log());
}

/// This happens on a suspended machine or in a partitioned network.
#[tokio::test]
async fn a_leader_that_was_paused_too_long_writes_nothing_and_exits_with_an_error() {
    let cluster = Cluster::new("paused").await;
    let first = candidate(&cluster).await;
    until("a leader", async || leads(&first).then_some(())).await;
    let second = candidate(&cluster).await;
    first.signal("STOP");
    until("another leader", async || leads(&second).then_some(())).await;
    // Both would reconcile this pipeline if both led.
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    first.signal("CONT");
    let log = until("the first to stop", async || {
        Some(first.log()).filter(|log| log.contains("eventpipeline-operator failed"))
    })
    .await;
    assert!(log.contains("this operator no longer leads"), "{log}");
    assert!(!log.contains("applying"), "{log}");
    assert_eq!(second.reconciles("error"), 0);
}

fn writes_lease(method: &http::Method, path: &str) -> bool {
    method != http::Method::GET && path.contains("/leases")
}

/// Candidates count from the stored renewal. After a renewal whose response was lost, the stored one may be
/// older than the leader believes, so it must renew again before it extends its term.
#[tokio::test]
async fn a_renewal_whose_response_was_lost_is_repeated_immediately() {
    let cluster = Cluster::new("lost-renewal").await;
    let proxy = ApiProxy::start(cluster.server).await;
    // A long duration, because the pause between two renewals is a fifth of it.
    let election = ["--lease-namespace", "lost-renewal", "--lease-seconds", "50"];
    let operator = Operator::through_with(&proxy, "lost-renewal", &election);
    operator.becomes_ready().await;
    until("a leader", async || leads(&operator).then_some(())).await;
    proxy.fail(writes_lease, 1, 1, CallFault::Lost);
    proxy.struck(1).await;
    let calls = async |number: usize| {
        until(format!("{number} calls about the Lease"), async || {
            let calls = proxy.calls().into_iter().filter(|call| call.contains("/leases"));
            let methods: Vec<_> =
                calls.filter_map(|call| call.split(' ').next().map(str::to_owned)).collect();
            (methods.len() >= number).then_some(methods)
        })
        .await
    };
    // The renewal that is lost, the next one, which conflicts with it, and the Lease as it is stored.
    assert_eq!(calls(3).await[..3], ["PUT", "PUT", "GET"]);
    let conflict = Instant::now();
    assert_eq!(calls(4).await[3], "PUT");
    assert!(conflict.elapsed() < Duration::from_secs(9), "{:?}", conflict.elapsed());
    assert!(leads(&operator));
}

/// The Lease would otherwise block all candidates until it expires.
#[tokio::test]
async fn an_operator_that_is_stopped_while_it_acquires_the_lease_releases_it() {
    let cluster = Cluster::new("stopped-candidate").await;
    let proxy = ApiProxy::start(cluster.server).await;
    proxy.fail(writes_lease, 1, 1, CallFault::SilenceAfter);
    let operator =
        Operator::through_with(&proxy, "stopped-candidate", &["--lease-namespace", "stopped-candidate"]);
    proxy.struck(1).await;
    let holder = async || {
        let lease = cluster.api::<Lease>().get("eventpipeline-operator").await.unwrap();
        lease.spec.unwrap().holder_identity.unwrap_or_default()
    };
    assert_ne!(holder().await, "", "the operator holds the Lease without knowing it");
    operator.signal("TERM");
    until("the operator to stop", async || {
        operator.log().contains("eventpipeline-operator stopped").then_some(())
    })
    .await;
    assert_eq!(holder().await, "");
}
