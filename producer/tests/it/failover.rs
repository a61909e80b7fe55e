//! A database that moves to another server, and answers that get lost.

use std::time::{Duration, Instant};

use eventpipeline_database::{Creation, DatabaseArgs, NewEvent};
use eventpipeline_testkit::{Database as Server, Engine, Fault, Proxy, eventually};
use reqwest::StatusCode;
use serde_json::Value as Json;

use crate::support::{Producer, connected, database, problem};

/// Creates the same events on a second server, as replication does.
async fn copy(args: &DatabaseArgs, events: usize) {
    let creation = Creation::many(vec![NewEvent::default(); events]).unwrap();
    let mut session = connected(args).session();
    session.create(&[creation]).await.unwrap();
}

/// The old server keeps running read-only with all its connections. New connections reach the new server.
#[tokio::test]
async fn a_producer_leaves_a_demoted_server_within_seconds_and_never_answers_404() {
    for engine in Engine::all() {
        let (old, new) = (Server::start(engine).await, Server::start(engine).await);
        let proxy = Proxy::start(old.port()).await;
        let args = database(&old);
        for server in [&old, &new] {
            server.create_database(&args.database_name).await;
        }
        connected(&args).migrate().await.unwrap();
        // A user without the privilege to write on a read-only server.
        for server in [&old, &new] {
            server.execute("CREATE USER app@'%' IDENTIFIED BY ''").await;
            server.execute("GRANT ALL ON `producer%`.* TO app@'%'").await;
        }
        let args = DatabaseArgs { database_user: "app".to_owned(), ..args };
        let behind = DatabaseArgs { database_port: proxy.port(), ..args.clone() };
        let mut producer = Producer::run(behind, &[]).await;
        let on_new = DatabaseArgs { database_port: new.port(), ..args.clone() };
        producer.database = connected(&on_new);
        assert_eq!(producer.post("/create-async").await.status(), 202);
        let request = producer.posting("/create-sync");
        let waiting = tokio::spawn(async move { request.send().await.unwrap() });
        producer.until_waiters(1).await;
        for path in ["/", "/1", "/v1/events/1", "/v1/events"] {
            assert_eq!(producer.get(path).await.status(), 200, "{path}: all sessions must be connected");
        }
        connected(&on_new).migrate().await.unwrap();
        copy(&on_new, 2).await;
        old.execute("SET GLOBAL read_only = 1").await;
        if engine == Engine::MySql {
            old.execute("SET GLOBAL super_read_only = 1").await;
        }
        proxy.lead_to(new.port());

        let begun = Instant::now();
        // No creation fails: the producer retries on the new server.
        for id in 3..=12 {
            let created = producer.post("/create-async").await;
            assert_eq!(created.status(), 202, "{engine:?}");
            assert_eq!(created.json::<Json>().await.unwrap()["id"], id);
            for path in [format!("/{id}"), format!("/v1/events/{id}")] {
                let status = producer.get(&path).await.status();
                assert_ne!(status, StatusCode::NOT_FOUND, "{path}");
            }
        }
        eventually(async || {
            let counted = producer.get("/").await;
            (counted.json::<Json>().await.unwrap()["events"] == 12).then_some(())
        })
        .await;
        eventually(async || (producer.get("/12").await.status() == 200).then_some(())).await;
        assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
        // The client that waited gets the value from the new server.
        let mut session = producer.database.session();
        producer.consume(&mut session, "um").await;
        producer.consume(&mut session, "dois").await;
        let answer = waiting.await.unwrap();
        assert_eq!(answer.status(), 201, "{engine:?}");
        assert_eq!(answer.json::<Json>().await.unwrap()["valor"], "dois");
        assert_eq!(producer.admin("/readyz").await.0, 200);
    }
}

/// The event exists, but the client that got no answer cannot know.
#[tokio::test]
async fn a_creation_with_an_unknown_outcome_is_not_reported_as_failed() {
    let proxy = Proxy::start(Server::shared(Engine::MySql).await.port()).await;
    let producer = Producer::behind(&proxy, &[]).await;
    assert_eq!(producer.post("/create-async").await.status(), 202);
    let mut session = producer.database.session();
    for path in ["/create-async", "/create-sync"] {
        // The writer is connected before its answers get lost.
        eventually(async || (producer.post("/create-async").await.status() == 202).then_some(())).await;
        let before = session.count().await.unwrap();
        proxy.set(Fault::Mute);
        let request = producer.posting(path);
        let asking = tokio::spawn(async move { request.send().await.unwrap() });
        eventually(async || (session.count().await.unwrap() > before).then_some(())).await;
        proxy.set(Fault::Cut);
        let problem = problem(asking.await.unwrap(), 503, "no-answer-in-time").await;
        assert!(problem["detail"].as_str().unwrap().contains("may or may not"), "{problem}");
        proxy.set(Fault::None);
        eventually(async || (producer.get("/1").await.status() == 200).then_some(())).await;
    }
    // A creation that certainly failed is reported as failed.
    proxy.set(Fault::Cut);
    eventually(async || {
        let answer = producer.post("/create-async").await;
        let problem = answer.json::<Json>().await.unwrap();
        (problem["type"] == "urn:eventpipeline:problem:database-unavailable").then_some(())
    })
    .await;
    proxy.set(Fault::None);
    eventually(async || (producer.post("/create-async").await.status() == 202).then_some(())).await;
}
