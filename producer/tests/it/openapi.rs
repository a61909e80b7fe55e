//! The API's description: it is committed, and matches the routes and parameters of the running producer.

use reqwest::Method;
use serde_json::Value as Json;

use crate::support::{Producer, problem};

const METHODS: [Method; 4] = [Method::GET, Method::POST, Method::PUT, Method::DELETE];

fn description() -> Json {
    serde_json::from_str(include_str!("../../openapi.json")).unwrap()
}

/// Returns all described operations with their paths.
pub(crate) fn operations() -> Vec<(Method, String, Json)> {
    let description = description();
    let paths = description["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap();
        let operations = item.iter().map(|(method, operation)| {
            (method.to_uppercase().parse().unwrap(), path.clone(), operation.clone())
        });
        operations.collect::<Vec<_>>()
    });
    operations.collect()
}

/// Returns the names of an operation's query parameters.
fn query_parameters(operation: &Json) -> Vec<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let parameters = parameters.filter(|parameter| parameter["in"] == "query");
    parameters.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_served_description_is_the_committed_one() {
    let producer = Producer::start().await;
    let served = producer.get("/openapi.json").await;
    assert_eq!(served.headers()["content-type"], "application/json");
    assert_eq!(served.text().await.unwrap(), include_str!("../../openapi.json"), "run dev/generate.sh");
}

#[tokio::test]
async fn exactly_the_described_methods_are_served() {
    let producer = Producer::start().await;
    let operations = operations();
    assert!(operations.len() >= 11, "{}", operations.len());
    for (_, path, _) in &operations {
        for method in METHODS {
            let described =
                operations.iter().any(|(other, described, _)| (other, described) == (&method, path));
            let url = format!("{}{}", producer.api, path.replace("{id}", "1"));
            let response =
                producer.client.request(method.clone(), url).header("prefer", "wait=0").send().await.unwrap();
            assert_eq!(response.status() != 405, described, "{method} {path}: {response:?}");
        }
    }
}

#[tokio::test]
async fn described_parameters_are_checked_and_others_are_unknown() {
    let producer = Producer::start().await;
    for (method, path, operation) in operations() {
        let parameters = query_parameters(&operation);
        let url = path.replace("{id}", "1");
        for parameter in &parameters {
            // Required parameters are checked in this order.
            let others = if parameter == "olderThanSeconds" { "state=done&" } else { "" };
            let path = format!("{url}?{others}{parameter}=%00");
            let response = producer.request(method.clone(), &path).await;
            let problem = problem(response, 400, "invalid-parameter").await;
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(&format!("{parameter:?}: must be")), "{method} {path}: {detail}");
        }
        // The classic paths have always ignored unknown parameters.
        let required = "state=done&olderThanSeconds=0";
        let query =
            if method == Method::DELETE { format!("{required}&other=1") } else { "other=1".to_owned() };
        if path == "/v1/events" {
            let request = producer.client.request(method.clone(), format!("{}{url}?{query}", producer.api));
            let problem = problem(request.send().await.unwrap(), 400, "invalid-parameter").await;
            let known =
                if parameters.is_empty() { "no parameters".to_owned() } else { parameters.join(", ") };
            let expected = format!("\"other\": unknown parameter; this path accepts {known}");
            assert!(problem["detail"].as_str().unwrap().contains(&expected), "{method}: {problem}");
        }
    }
}
