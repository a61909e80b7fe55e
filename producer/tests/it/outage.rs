//! A database that is down, or has no schema yet.

use eventpipeline_testkit::{Database as Server, Engine, Options};
use serde_json::Value as Json;

use crate::support::{Producer, connected, database, program};
use eventpipeline_testkit::eventually;

#[tokio::test]
async fn without_its_database_a_producer_answers_503_and_recovers() {
    let server = Server::start_with(Engine::MySql, Options { durable: true, ..Options::default() }).await;
    let producer = Producer::before(&server, &[]).await;
    assert_eq!(producer.post("/create-async").await.status(), 202);
    let request = producer.client.post(format!("{}/create-sync", producer.api));
    let waiting = tokio::spawn(async move { request.send().await.unwrap() });
    producer.until_waiters(1).await;

    server.kill9();
    // It stays ready, so that clients get its problem documents and not an error page of the route.
    eventually(async || {
        producer
            .until_ready(200)
            .await
            .contains("database: ready, but failed to connect to the database")
            .then_some(())
    })
    .await;
    assert_eq!(producer.metric("eventpipeline_database_usable").await, Some(0.0));
    for path in ["/create-async", "/create-sync"] {
        let response = producer.post(path).await;
        assert_eq!(response.status(), 503);
        let seconds: u8 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=4).contains(&seconds), "{seconds}");
        let problem: Json = response.json().await.unwrap();
        assert_eq!(problem["type"], "urn:eventpipeline:problem:database-unavailable");
    }
    assert_eq!(producer.get("/1").await.status(), 503);
    assert_eq!(producer.get("/").await.status(), 503);
    assert_eq!(producer.admin("/livez").await.0, 200);

    server.restart().await;
    eventually(async || producer.until_ready(200).await.contains("database: ok").then_some(())).await;
    assert_eq!(producer.get("/").await.json::<Json>().await.unwrap()["events"], 2);
    assert_eq!(producer.post("/create-async").await.status(), 202);
    // The client has waited all the time, and gets its value.
    let mut session = producer.database.session();
    producer.consume(&mut session, "um").await;
    producer.consume(&mut session, "dois").await;
    assert_eq!(waiting.await.unwrap().json::<Json>().await.unwrap()["valor"], "dois");
}

#[tokio::test]
async fn a_producer_waits_until_the_schema_command_has_created_the_schema() {
    let server = Server::shared(Engine::MariaDb).await;
    let args = database(server);
    server.create_database(&args.database_name).await;
    let producer = program(&args, &[]);
    producer.line("run `eventpipeline-producer schema`").await;

    let mut schema = crate::support::schema(&args);
    assert_eq!(schema.end().await.code(), Some(0), "{}", schema.log());
    producer.line("database is ready").await;
    assert!(!producer.log().contains("\"WARN\""), "{}", producer.log());
    connected(&args).session().check_schema().await.unwrap();
}

#[tokio::test]
async fn the_schema_command_waits_for_the_database() {
    let server = Server::start(Engine::MySql).await;
    let args = database(&server);
    server.create_database(&args.database_name).await;
    server.stop().await;
    let mut schema = crate::support::schema(&args);
    schema.line("waiting for the database at 127.0.0.1").await;
    server.restart().await;
    assert_eq!(schema.end().await.code(), Some(0), "{}", schema.log());
    assert!(!schema.log().contains("\"WARN\""), "{}", schema.log());
    let mut session = connected(&args).session();
    eventually(async || session.check_schema().await.ok()).await;
}
