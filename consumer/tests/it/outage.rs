//! A database that goes away in mid-work and comes back.

use std::time::{Duration, Instant};

use eventpipeline_testkit::{Database as Server, Engine, Options, Program, eventually};
use tokio::sync::watch;

use crate::server::{Server as Api, word, word_api};
use crate::support::Pipeline;

#[tokio::test]
async fn an_answer_that_could_not_be_written_is_written_when_the_database_is_back() {
    for engine in Engine::all() {
        let server = Server::start_with(engine, Options { durable: true, ..Options::default() }).await;
        let mut pipeline = Pipeline::on(&server).await;
        let (open, gate) = watch::channel(false);
        let api = Api::start(move |_| {
            let mut gate = gate.clone();
            async move {
                gate.wait_for(|open| *open).await.unwrap();
                word("guardada")
            }
        })
        .await;
        // Longer than a server may take to come back.
        let consumer = pipeline.consumer(&word_api(&api.url(), &[("LEASE_SECONDS", "600")]));
        let ids = pipeline.create(4).await;
        api.until_asked(4).await;
        server.kill9();
        open.send(true).unwrap();
        consumer.line("failed to write answers down").await;
        server.restart().await;
        pipeline.values(&ids).await;
        // Nobody was asked twice: the answers were kept.
        assert!(!consumer.log().contains("free again"), "{}", consumer.log());
        let later = pipeline.create(1).await;
        pipeline.values(&later).await;
    }
}

/// Nobody can extend a lease meanwhile: whoever looks first afterwards must not take that for death.
#[tokio::test]
async fn what_was_answered_during_an_outage_longer_than_the_lease_is_neither_dead_nor_handled_again() {
    const OUTAGE: Duration = Duration::from_secs(20);
    const EVENTS: usize = 12;
    for killed in [false, true] {
        let options = Options { durable: true, ..Options::default() };
        let server = Server::start_with(Engine::MySql, options).await;
        let mut pipeline = Pipeline::on(&server).await;
        let (open, gate) = watch::channel(false);
        let api = Api::start(move |_| {
            let mut gate = gate.clone();
            async move {
                gate.wait_for(|open| *open).await.unwrap();
                word("guardada")
            }
        })
        .await;
        let url = api.url();
        let once = [
            ("LEASE_SECONDS", "10"),
            ("HANDLER_TIMEOUT_SECONDS", "9"),
            ("MAX_ATTEMPTS", "1"),
            ("CONCURRENCY", "4"),
        ];
        let variables = word_api(&url, &once);
        let consumers: Vec<_> = (0..3).map(|_| pipeline.consumer(&variables)).collect();
        let ids = pipeline.create(EVENTS).await;
        api.until_asked(EVENTS).await;
        let begun = Instant::now();
        if killed {
            server.kill9();
        } else {
            server.freeze();
        }
        open.send(true).unwrap();
        tokio::time::sleep_until((begun + OUTAGE).into()).await;
        if killed {
            server.restart().await;
        } else {
            server.thaw();
        }
        // One that has not seen the outage.
        let _newcomer = pipeline.consumer(&variables);
        assert!(pipeline.values(&ids).await.values().all(|value| value == "guardada"));
        assert_eq!(api.asked().len(), EVENTS, "nobody was asked twice");
        let began_anew = eventually(async || {
            let logs = consumers.iter().map(Program::log).collect::<String>();
            logs.contains("whole lease").then_some(())
        });
        began_anew.await;
    }
}
