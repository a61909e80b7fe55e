//! A pipeline is created, changed and changed back while the API server fails at the n-th write, or the operator is killed
//! there. In the end everything is as if nothing had happened, and what belongs to others is as it was.
//!
//! Each run takes some of the writes. `OPERATOR_FAULTS=all` takes them all, and walks for longer.

use std::collections::BTreeMap;

use eventpipeline_crds::EventPipeline;
use eventpipeline_testkit::{ApiProxy, CallFault};
use http::Method;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Secret, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, PostParams};
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::cluster::{Cluster, until, value};
use super::operator::Operator;

/// Every kind that the operator writes.
fn kinds() -> [ApiResource; 9] {
    [
        ApiResource::erase::<Secret>(&()),
        ApiResource::erase::<Service>(&()),
        ApiResource::erase::<StatefulSet>(&()),
        ApiResource::erase::<Job>(&()),
        ApiResource::erase::<Deployment>(&()),
        ApiResource::erase::<Ingress>(&()),
        ApiResource::erase::<NetworkPolicy>(&()),
        ApiResource::erase::<PodDisruptionBudget>(&()),
        ApiResource::erase::<HorizontalPodAutoscaler>(&()),
    ]
}

/// How many of the writes a short run leaves out between two.
const STRIDE: usize = 6;

fn first() -> Value {
    json!({
        "producers": [{"name": "default", "replicas": 3}],
        "consumers": [{"name": "default", "replicas": 2}],
        "route": {"ingress": {"host": "shop.example.com"}},
    })
}

/// Something is added, removed, scaled and given to somebody else to scale.
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

/// A namespace with things of somebody else, and a way to its API server that fails.
struct Field {
    cluster: Cluster,
    proxy: ApiProxy,
    foreign: Vec<String>,
}

impl Field {
    async fn new(namespace: &str) -> Self {
        let cluster = Cluster::new(namespace).await;
        let proxy = ApiProxy::start(cluster.server).await;
        let port = json!([{"port": 1}]);
        for (name, labels) in [
            ("demo-own", json!({"app.kubernetes.io/instance": "demo"})),
            // A name that the pipeline would give one of its own.
            (
                "demo-producers-2",
                json!({
                    "app.kubernetes.io/instance": "demo", "app.kubernetes.io/managed-by": "eventpipeline-operator",
                }),
            ),
        ] {
            let service = json!({"metadata": {"name": name, "labels": labels}, "spec": {"ports": port}});
            let service = serde_json::from_value(service).unwrap();
            cluster
                .api::<k8s_openapi::api::core::v1::Service>()
                .create(&PostParams::default(), &service)
                .await
                .unwrap();
        }
        let mut field = Self { cluster, proxy, foreign: Vec::new() };
        field.foreign = field.strangers().await;
        field
    }

    fn api(&self, kind: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.cluster.client.clone(), &self.cluster.namespace, kind)
    }

    async fn get(&self, selector: &str) -> Vec<Value> {
        let mut all = Vec::new();
        for kind in kinds() {
            let list = self.api(&kind).list(&ListParams::default().labels(selector)).await.unwrap();
            for object in list {
                let mut object = value(&object);
                object["kind"] = json!(kind.kind);
                all.push(object);
            }
        }
        all
    }

    /// What belongs to others, byte by byte.
    async fn strangers(&self) -> Vec<String> {
        let all = self.get("app.kubernetes.io/instance=demo").await;
        let theirs = |object: &&Value| {
            ["demo-own", "demo-producers-2"].contains(&object["metadata"]["name"].as_str().unwrap())
        };
        all.iter().filter(theirs).map(Value::to_string).collect()
    }

    /// What the operator made, without what differs from one time to the next.
    async fn ours(&self) -> BTreeMap<String, Value> {
        let mut ours = BTreeMap::new();
        for mut object in self.get("app.kubernetes.io/managed-by=eventpipeline-operator").await {
            if object["metadata"]["name"] == "demo-producers-2" {
                continue;
            }
            let owner =
                object.pointer("/metadata/ownerReferences/0/uid").and_then(Value::as_str).map(str::to_owned);
            let uid = object["metadata"]["uid"].as_str().unwrap().to_owned();
            let fields = object.as_object_mut().unwrap();
            fields.remove("status");
            if let Some(data) = fields.get_mut("data").and_then(Value::as_object_mut) {
                data.values_mut().for_each(|secret| *secret = json!("secret"));
            }
            let metadata = fields["metadata"].as_object_mut().unwrap();
            for volatile in ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"] {
                metadata.remove(volatile);
            }
            if let Some(spec) = fields.get_mut("spec").and_then(Value::as_object_mut) {
                spec.retain(|name, _| name != "clusterIP" && name != "clusterIPs");
            }
            // A Job selects its pods by its own uid.
            let text = object.to_string().replace(&self.cluster.namespace, "NAMESPACE");
            let mut text = text.replace(&uid, "SELF");
            if let Some(owner) = owner {
                let short: String = owner.chars().take(8).collect();
                text = text.replace(&owner, "OWNER").replace(&format!("-tls-{short}"), "-tls-OWNER");
                text = without_hash(&text);
            }
            let object: Value = serde_json::from_str(&text).unwrap();
            let name = object["metadata"]["name"].as_str().unwrap();
            ours.insert(format!("{} {name}", object["kind"].as_str().unwrap()), object);
        }
        ours
    }

    /// Returns once what the operator made is this.
    async fn becomes(&self, wanted: &BTreeMap<String, Value>, what: &str) {
        let mut last = BTreeMap::new();
        let reached = eventpipeline_testkit::until(std::time::Duration::from_mins(2), async || {
            last = self.ours().await;
            (last == *wanted).then_some(())
        })
        .await;
        if reached.is_none() {
            let names = |objects: &BTreeMap<String, Value>| objects.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(&last), names(wanted), "{what}");
            assert_eq!(last, *wanted, "{what}");
        }
        assert_eq!(self.strangers().await, self.foreign, "{what}");
    }

    /// What becomes of this spec when nothing happens, once nothing changes any more.
    async fn undisturbed(&self, spec: Value) -> BTreeMap<String, Value> {
        self.cluster.apply("demo", spec).await.unwrap();
        self.reconciled().await;
        let mut before = self.ours().await;
        until("everything to be written", async || {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            let now = self.ours().await;
            let same = now == before && now.len() > 10;
            before = now;
            same.then_some(())
        })
        .await;
        before
    }

    async fn reconciled(&self) {
        until("the spec to be seen", async || {
            let pipeline = self.cluster.api::<EventPipeline>().get("demo").await.unwrap();
            (pipeline.status?.observed_generation == pipeline.metadata.generation).then_some(())
        })
        .await;
    }

    /// Deletes the pipeline, and what no controller collects here.
    async fn clear(&self) {
        let pipelines = self.cluster.api::<EventPipeline>();
        let _ = pipelines.delete("demo", &DeleteParams::default()).await;
        for kind in kinds() {
            // A reconcile that had begun may still write.
            until("what was ours to go", async || {
                let left = self.get_kind(&kind).await;
                for object in &left {
                    let _ = self.api(&kind).delete(object, &DeleteParams::background()).await;
                }
                left.is_empty().then_some(())
            })
            .await;
        }
    }

    async fn get_kind(&self, kind: &ApiResource) -> Vec<String> {
        let ours = ListParams::default().labels("app.kubernetes.io/managed-by=eventpipeline-operator");
        let list = self.api(kind).list(&ours).await.unwrap();
        let names = list.into_iter().map(|object| object.metadata.name.unwrap());
        names.filter(|name| name != "demo-producers-2").collect()
    }
}

/// The schema Job's name has a hash of its template, of which the certificate's name, that of the pipeline's uid, is a part.
fn without_hash(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for (number, part) in text.split("demo-schema-").enumerate() {
        let is_hash = part.len() >= 8 && part.as_bytes()[..8].iter().all(u8::is_ascii_hexdigit);
        words.push(if number > 0 && is_hash { format!("HASH{}", &part[8..]) } else { part.to_owned() });
    }
    words.join("demo-schema-")
}

/// How many writes a pipeline's life takes, and what it looks like in its two states.
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

/// The numbers of the writes that are hit in this run, of `parts` runs the `part`-th.
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
async fn a_conflict_at_any_write_is_got_over() {
    disturbed("fault-409", CallFault::Answer(409), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_at_any_write_are_got_over() {
    disturbed("fault-429", CallFault::Answer(429), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_server_at_any_write_is_got_over() {
    disturbed("fault-500", CallFault::Answer(500), 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_at_any_write_is_got_over() {
    disturbed("fault-cut", CallFault::Cut, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_at_any_write_is_got_over() {
    disturbed("fault-lost", CallFault::Lost, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_killed_at_any_write_is_followed_by_another() {
    let field = Field::new("fault-kill").await;
    let life = life(&field).await;
    let mut operator = Operator::through(&field.proxy, "fault-kill");
    operator.becomes_ready().await;
    for number in numbers(life.writes, 5) {
        // Before the write has been made, and after.
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

/// Wherever a pipeline has been, it comes back to what its spec says; every now and then the operator is killed on the way.
#[tokio::test(flavor = "multi_thread")]
async fn a_walk_through_specs_ends_where_it_began() {
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
