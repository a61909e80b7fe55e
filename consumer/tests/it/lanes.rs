//! A consumer claims the events of its lane only.

use axum::response::IntoResponse as _;
use eventpipeline_database::{EventType, NewEvent};
use eventpipeline_testkit::{client, eventually};

use crate::server::{Server, http};
use crate::support::Pipeline;

const LANES: &str = r#"[{"lane": "orders", "types": ["order.*"]}]"#;

fn of(event_type: &str) -> NewEvent {
    NewEvent { event_type: EventType::new(event_type).ok(), ..NewEvent::default() }
}

#[tokio::test]
async fn each_consumer_handles_the_events_of_its_lane_with_their_types() {
    let mut pipeline = Pipeline::new().await;
    pipeline.set_lanes(LANES).await;
    let orders = Server::start(|_| async { "pedido".into_response() }).await;
    let rest = Server::start(|_| async { "resto".into_response() }).await;
    let _orders = pipeline.consumer(&http(&orders.url(), &[("LANE", "orders")]));
    let _rest = pipeline.consumer(&http(&rest.url(), &[]));
    let ids = pipeline.create_all(vec![of("order.created"), of("invoice"), NewEvent::default()]).await;
    let values = pipeline.values(&ids).await;
    assert_eq!(ids.iter().map(|id| values[id].as_str()).collect::<Vec<_>>(), ["pedido", "resto", "resto"]);
    let [asked] = <[_; 1]>::try_from(orders.asked()).unwrap_or_else(|asked| unreachable!("{}", asked.len()));
    assert_eq!(asked.body, r#"{"id":1,"attempt":1,"type":"order.created","payload":null}"#);
    assert_eq!(asked.headers["x-event-type"], "order.created");
    assert_eq!(rest.asked().iter().filter(|asked| asked.headers.contains_key("x-event-type")).count(), 1);
}

#[tokio::test]
async fn a_consumer_of_an_unknown_lane_is_not_ready_until_the_lane_exists() {
    let mut pipeline = Pipeline::new().await;
    let consumer = pipeline.consumer(&[("LANE", "orders"), ("HANDLER", "words")]);
    let address = consumer.address("the admin server listens").await;
    let ready = async || {
        let response = client().get(format!("http://{address}/readyz")).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let why = eventually(async || match ready().await {
        (503, why) if why.contains("no lane \"orders\"") => Some(why),
        _ => None,
    })
    .await;
    assert!(why.contains("LANES"), "{why}");
    let ids = pipeline.create_all(vec![of("order.created")]).await;
    pipeline.set_lanes(LANES).await;
    pipeline.values(&ids).await;
    eventually(async || (ready().await.0 == 200).then_some(())).await;
}
