//! Under default-deny policies the operator, pipelines, Prometheus and `helm test` reach their peers.

use eventpipeline_testkit::ApiServer;
use serde_json::{Value, json};

use crate::reach::{Place, reaches};
use crate::scanners::{example_objects, rendered_example};
use crate::{KNOWN, NAMESPACE, object, objects, render, repository};

const POLICIES: [&str; 3] = [
    KNOWN,
    "--set",
    "pipeline.enabled=true,pipeline.namespace=default,networkPolicy.metricsNamespaces={monitoring}",
];

/// Handlers, and a pipeline whose consumers connect to them.
const HANDLER: &str = "examples/handlers-on-cluster/python/handler.yaml";

/// Returns the policies of the chart and the operator, and a default-deny policy for each namespace.
struct World {
    objects: Vec<Value>,
    policies: Vec<Value>,
}

impl World {
    async fn new() -> Self {
        let server = ApiServer::shared().await;
        let mut all = objects(&render(server, &POLICIES).expect("it renders"));
        for example in ["examples/eventpipeline.yaml", HANDLER] {
            all.append(&mut objects(&rendered_example(&repository(example), "default")));
        }
        for example in [HANDLER, "examples/word-service/words.yaml"] {
            all.append(&mut example_objects(&repository(example), "default"));
        }
        let mut policies: Vec<_> =
            all.iter().filter(|object| object["kind"] == "NetworkPolicy").cloned().collect();
        // Foreign pods may connect wherever our policies admit them.
        for (namespace, types) in [
            (NAMESPACE, json!(["Ingress", "Egress"])),
            ("default", json!(["Ingress", "Egress"])),
            ("monitoring", json!(["Ingress"])),
            ("other", json!(["Ingress"])),
        ] {
            let nothing = json!({"metadata": {"namespace": namespace}, "spec": {"podSelector": {}, "policyTypes": types}});
            policies.push(nothing);
        }
        Self { objects: all, policies }
    }

    fn labels(&self, kind: &str, name: &str) -> Value {
        let object = object(&self.objects, kind, name);
        match kind {
            "Pod" => object["metadata"]["labels"].clone(),
            _ => object["spec"]["template"]["metadata"]["labels"].clone(),
        }
    }
}

#[tokio::test]
async fn only_required_connections_are_allowed() {
    let world = World::new().await;
    let [operator, test, producer, consumer, mysql, foreign] = [
        world.labels("Deployment", "eventpipeline-operator"),
        world.labels("Pod", "eventpipeline-test"),
        world.labels("Deployment", "demo-producer-default"),
        world.labels("Deployment", "demo-consumer-default"),
        world.labels("StatefulSet", "demo-mysql"),
        json!({"app": "prometheus"}),
    ];
    let place = |namespace, labels| Place { namespace, labels };
    let [operator, test] = [&operator, &test].map(|labels| place(NAMESPACE, labels));
    let [producer, consumer, mysql] = [&producer, &consumer, &mysql].map(|labels| place("default", labels));
    let [prometheus, stranger] = ["monitoring", "other"].map(|namespace| place(namespace, &foreign));
    let reaches = |from, to, port| reaches(&world.policies, from, to, port);

    assert!(reaches(&operator, None, 6443), "the operator does not reach the API server");
    assert!(!reaches(&operator, None, 3306));
    for pod in [&producer, &consumer] {
        assert!(reaches(&operator, Some(pod), 9090), "the operator does not reach {pod:?}");
        assert!(reaches(&prometheus, Some(pod), 9090), "Prometheus does not reach {pod:?}");
        assert!(reaches(pod, Some(&mysql), 3306), "{pod:?} does not reach the database");
    }
    assert!(reaches(&prometheus, Some(&operator), 9090));
    assert!(!reaches(&stranger, Some(&operator), 9090));
    for port in [8080, 8081] {
        assert!(reaches(&stranger, Some(&producer), port), "the API is for everybody");
    }
    for pod in [&operator, &test, &stranger] {
        assert!(!reaches(pod, Some(&mysql), 3306), "{pod:?} reaches the database");
    }
    assert!(reaches(&test, Some(&operator), 9090), "the test does not reach the operator");
    assert!(reaches(&test, Some(&producer), 8080), "the test does not reach the API");
    assert!(!reaches(&test, Some(&consumer), 9090));
    assert!(!reaches(&test, None, 443), "the test reaches what is outside");
}

#[tokio::test]
async fn only_consumers_reach_handlers_and_word_services() {
    let world = World::new().await;
    let [consumer, producer, handler, words] =
        ["orders-consumer-default", "orders-producer-default", "orders-handler", "words"]
            .map(|name| world.labels("Deployment", name));
    let foreign = json!({"app": "shop"});
    let here = |labels| Place { namespace: "default", labels };
    let [consumer, producer, handler, words, stranger] =
        [&consumer, &producer, &handler, &words, &foreign].map(here);
    for (program, port) in [(&handler, 9000), (&words, 8000)] {
        assert!(reaches(&world.policies, &consumer, Some(program), port), "no consumer reaches {program:?}");
        for other in [&producer, &stranger] {
            assert!(!reaches(&world.policies, other, Some(program), port), "{other:?} reaches {program:?}");
        }
        assert!(!reaches(&world.policies, program, None, 443), "{program:?} reaches what is outside");
    }
}
