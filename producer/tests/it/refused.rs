//! Creations that the database refuses.

use eventpipeline_testkit::{Database as Server, Engine, Options};
use serde_json::{Value as Json, json};

use crate::support::{Producer, problem};

#[tokio::test]
async fn a_refused_creation_does_not_affect_others_of_its_batch() {
    let producer = Producer::start().await;
    producer
        .sql(
            "CREATE TRIGGER picky BEFORE INSERT ON Events FOR EACH ROW IF NEW.payload LIKE '%bad%' THEN \
             SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF",
        )
        .await;
    let creations: Vec<_> = (0..200)
        .map(|number| {
            let payload = if number % 10 == 3 { "bad" } else { "good" };
            let post = producer.posting("/create-async").json(&json!(payload));
            tokio::spawn(async move { (payload, post.send().await.unwrap()) })
        })
        .collect();
    for creation in creations {
        match creation.await.unwrap() {
            ("bad", answer) => drop(problem(answer, 503, "database-unavailable").await),
            (_, answer) => assert_eq!(answer.status(), 202),
        }
    }
    assert_eq!(producer.json("/").await["events"], 180);
}

#[tokio::test]
async fn a_payload_beyond_the_maximum_packet_is_refused_with_the_limit() {
    let options = Options { arguments: vec!["--max-allowed-packet=1M".to_owned()], ..Options::default() };
    let server = Server::start_with(Engine::MySql, options).await;
    let producer = Producer::before(&server, &[("PAYLOAD_MAX_BYTES", "4194304")]).await;
    let large = producer.posting("/create-async").json(&"x".repeat(600_000));
    let small = producer.posting("/create-async").json(&"x".repeat(400_000));
    let (large, small) = tokio::join!(large.send(), small.send());
    let problem = problem(large.unwrap(), 413, "payload-too-large").await;
    assert!(
        problem["detail"].as_str().unwrap().contains("max_allowed_packet) must have at most 52"),
        "{problem}"
    );
    assert_eq!(small.unwrap().status(), 202);
    let batch: Vec<Json> = (0..50).map(|_| json!({"payload": "x".repeat(60_000)})).collect();
    assert_eq!(producer.posting("/v1/events").json(&batch).send().await.unwrap().status(), 202);
    assert_eq!(producer.json("/").await["events"], 51);
}

/// Another client's transaction holds the lock that all creations need.
#[tokio::test]
async fn a_locked_counter_is_reported_to_clients_and_in_the_log() {
    let producer = Producer::start().await;
    let mut holder = producer.connection().await;
    for statement in ["START TRANSACTION", "SELECT id FROM DBStatus FOR UPDATE"] {
        sqlx::Executor::execute(&mut holder, statement).await.unwrap();
    }
    let problem = problem(producer.post("/create-async").await, 503, "database-unavailable").await;
    assert!(problem["detail"].as_str().unwrap().contains("locked the event counter"), "{problem}");
    assert!(producer.metric("eventpipeline_blocked_creations_total").await.unwrap() >= 1.0);
    assert!(producer.program.log().contains(" of root@"), "{}", producer.program.log());
    drop(holder);
    assert_eq!(producer.post("/create-async").await.status(), 202);
}
