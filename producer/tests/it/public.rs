//! The public port, and the base path.

use eventpipeline_testkit::Port;
use reqwest::{Method, Response};
use serde_json::{Value as Json, json};

use crate::support::{Producer, problem};

/// The operations that the public port refuses.
const OPERATIONS: [(Method, &str); 6] = [
    (Method::GET, "/v1/events"),
    (Method::GET, "/v1/events/1"),
    (Method::GET, "/v1/stats"),
    (Method::POST, "/v1/events/1/cancel"),
    (Method::POST, "/v1/events/1/retry"),
    (Method::DELETE, "/v1/events?state=done&olderThanSeconds=0"),
];

async fn ask(producer: &Producer, api: &str, method: Method, path: &str) -> Response {
    producer.client.request(method, format!("{api}{path}")).send().await.unwrap()
}

async fn paths_of(response: Response) -> Vec<String> {
    let document: Json = response.json().await.unwrap();
    document["paths"].as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn the_public_port_only_creates_events_and_reads_values() {
    let producer = Producer::with(&[("PUBLIC_ADDRESS", "127.0.0.2:0")]).await;
    let public = format!("http://{}", producer.program.address("the public API listens").await);
    let ask = async |method, path| ask(&producer, &public, method, path).await;
    assert_eq!(ask(Method::POST, "/create-async").await.headers()["location"], "/1");
    let mut session = producer.database.session();
    let (created, ()) =
        tokio::join!(ask(Method::POST, "/create-sync?priority=9"), producer.consume(&mut session, "fica"));
    assert_eq!(created.status(), 201);
    let batch =
        producer.client.post(format!("{public}/v1/events")).json(&json!([{}, {}])).send().await.unwrap();
    assert_eq!((batch.status().as_u16(), batch.json::<Json>().await.unwrap()), (202, json!({"ids": [3, 4]})));
    assert_eq!(ask(Method::GET, "/").await.json::<Json>().await.unwrap(), json!({"events": 4}));
    assert_eq!(ask(Method::GET, "/1").await.json::<Json>().await.unwrap(), json!({"valor": ""}));
    for (method, path) in OPERATIONS {
        let said = problem(ask(method, path).await, 403, "operation-not-public").await;
        assert!(said["detail"].as_str().unwrap().contains("`route.operations: true`"), "{path}: {said}");
    }
    problem(ask(Method::GET, "/v1/nothing").await, 404, "no-such-path").await;
    problem(ask(Method::PUT, "/v1/events").await, 405, "method-not-allowed").await;
    let described = ["/", "/create-async", "/create-sync", "/v1/events", "/{id}"];
    assert_eq!(paths_of(ask(Method::GET, "/openapi.json").await).await, described);
    let document: Json = ask(Method::GET, "/openapi.json").await.json().await.unwrap();
    assert_eq!(document["paths"]["/v1/events"].as_object().unwrap().keys().collect::<Vec<_>>(), ["post"]);

    // The refused operations changed nothing, and the other port serves them.
    for (method, path) in OPERATIONS {
        let inside = producer.request(method, path).await;
        assert!([200, 409].contains(&inside.status().as_u16()), "{path}: {inside:?}");
    }
    assert!(paths_of(producer.get("/openapi.json").await).await.contains(&"/v1/stats".to_owned()));
}

#[tokio::test]
async fn equal_addresses_make_one_public_port() {
    let port = Port::take();
    let address = port.address().to_string();
    let producer = Producer::with(&[("LISTEN_ADDRESS", &address), ("PUBLIC_ADDRESS", &address)]).await;
    assert_eq!(producer.post("/create-async").await.status(), 202);
    for (method, path) in OPERATIONS {
        problem(producer.request(method, path).await, 403, "operation-not-public").await;
    }
}

#[tokio::test]
async fn the_api_is_served_below_its_base_path() {
    let producer = Producer::with(&[("BASE_PATH", "/shop/orders"), ("PUBLIC_ADDRESS", "127.0.0.2:0")]).await;
    let public = format!("http://{}", producer.program.address("the public API listens").await);
    for api in [&producer.api, &public] {
        let created = ask(&producer, api, Method::POST, "/shop/orders/create-async?priority=3").await;
        let place = created.headers()["location"].to_str().unwrap().to_owned();
        let body: Json = created.json().await.unwrap();
        assert_eq!(place, format!("/shop/orders/{}", body["id"]));
        assert_eq!(ask(&producer, api, Method::GET, &place).await.status(), 200);
        for root in ["/shop/orders", "/shop/orders/", "/shop/orders?x=1", "/"] {
            let count: Json = ask(&producer, api, Method::GET, root).await.json().await.unwrap();
            assert!(count["events"].as_i64().unwrap() >= 1, "{root}");
        }
        let document: Json =
            ask(&producer, api, Method::GET, "/shop/orders/openapi.json").await.json().await.unwrap();
        assert_eq!(document["servers"][0]["url"], "/shop/orders");
        // A request without the prefix gets a location without it.
        let created = ask(&producer, api, Method::POST, "/create-async").await;
        assert_eq!(created.headers()["location"].to_str().unwrap().matches('/').count(), 1);
        problem(ask(&producer, api, Method::GET, "/shop/ordersx").await, 404, "no-such-path").await;
    }
    // The metrics count both under the route without the prefix.
    let series = "http_server_request_duration_seconds_count{http_request_method=\"POST\",\
                  http_response_status_code=\"202\",http_route=\"/create-async\"}";
    assert_eq!(producer.metric(series).await, Some(4.0));
    let (created, ()) =
        tokio::join!(ask(&producer, &public, Method::POST, "/shop/orders/create-sync"), async {
            for _ in 0..5 {
                producer.consume(&mut producer.database.session(), "fica").await;
            }
        },);
    assert_eq!(created.json::<Json>().await.unwrap(), json!({"valor": "fica"}));
}
