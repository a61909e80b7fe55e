//! Consumers that die, freeze or take long: each event is done once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::IntoResponse as _;
use eventpipeline_database::State;
use eventpipeline_testkit::{Database, Engine, eventually};

use crate::server::{Server, http, word, word_api};
use crate::support::{Pipeline, until_metric};

/// A lease that ends soon, and time for a handler that is not over before a busy machine takes the next step.
const SOON: [(&str, &str); 2] = [("LEASE_SECONDS", "10"), ("HANDLER_TIMEOUT_SECONDS", "9")];

/// Never answers the first `hanging` requests.
async fn api(hanging: usize) -> Server {
    Server::start(move |asked| async move {
        if asked.before < hanging {
            std::future::pending::<()>().await;
        }
        word("feito")
    })
    .await
}

#[tokio::test]
async fn the_events_of_a_killed_consumer_are_done_by_another() {
    let mut pipeline = Pipeline::new().await;
    let ids = pipeline.create(5).await;
    let api = api(5).await;
    let url = api.url();
    let variables = word_api(&url, &SOON);
    let victim = pipeline.consumer(&variables);
    api.until_asked(5).await;
    victim.kill9();
    let heir = pipeline.consumer(&variables);
    assert!(pipeline.values(&ids).await.values().all(|value| value == "feito"));
    heir.line("their claims were not settled in time").await;
    until_metric(&heir, "eventpipeline_events_reclaimed_total{outcome=\"freed\"}", 5.0).await;
}

/// Nobody knows of a dead consumer's claims which it had begun: those that it may have had no more attempts for end dead. So
/// nothing is claimed ahead where there is one attempt.
#[tokio::test]
async fn events_that_are_tried_once_and_were_not_begun_outlive_the_consumer() {
    let mut pipeline = Pipeline::new().await;
    // Quick at first, so that it would pay to claim ahead; then it hangs.
    let handler = Server::start(|asked| async move {
        if asked.before >= 500 {
            std::future::pending::<()>().await;
        }
        word("feito")
    })
    .await;
    let url = handler.url();
    let once = [&SOON[..], &[("MAX_ATTEMPTS", "1"), ("CONCURRENCY", "8")]].concat();
    let ids = pipeline.create(600).await;
    let victim = pipeline.consumer(&word_api(&url, &once));
    handler.until_asked(508).await;
    // An answer that is not written down yet would be lost as well.
    eventually(async || {
        let stats = pipeline.session.stats().await.ok()?;
        (stats.done == 500).then_some(())
    })
    .await;
    victim.kill9();
    let quick = Server::start(|_| async { word("feito") }).await;
    let heir = pipeline.consumer(&word_api(&quick.url(), &once));
    eventually(async || {
        let stats = pipeline.session.stats().await.ok()?;
        (stats.pending + stats.processing == 0).then_some(())
    })
    .await;
    let finished = pipeline.session.read_finished(&ids).await.unwrap();
    let dead = finished.iter().filter(|event| event.state == State::Dead).count();
    assert!(dead <= 8, "{dead} are dead, 8 had been begun: {}", heir.log());
}

/// Nobody knows which of its events a consumer died of. Those beside the one outlive it.
#[tokio::test]
async fn an_event_that_kills_its_consumers_takes_no_other_with_it() {
    const POISON: &str = "1";
    let mut pipeline = Pipeline::new().await;
    let rounds: [(&str, &str); 3] =
        [("LEASE_SECONDS", "6"), ("HANDLER_TIMEOUT_SECONDS", "5"), ("MAX_ATTEMPTS", "3")];
    let ids = pipeline.create(16).await;
    for round in 1..=3 {
        // What is asked after it hangs beside it, and is there at the consumer's death.
        let hangs = Arc::new(AtomicBool::new(false));
        let handler = Server::start(move |asked| {
            let hangs = Arc::clone(&hangs);
            async move {
                if asked.headers["x-event-id"] == POISON {
                    hangs.store(true, Ordering::SeqCst);
                }
                if hangs.load(Ordering::SeqCst) {
                    std::future::pending::<()>().await;
                }
                "feito".into_response()
            }
        })
        .await;
        let victim = pipeline.consumer(&http(&handler.url(), &rounds));
        eventually(async || {
            let asked = handler.asked();
            asked.iter().any(|asked| asked.headers["x-event-id"] == POISON).then_some(())
        })
        .await;
        if round == 1 {
            handler.until_asked(16).await;
        }
        victim.kill9();
    }
    let handler = Server::start(|_| async { "feito".into_response() }).await;
    let _heir = pipeline.consumer(&http(&handler.url(), &rounds));
    pipeline.values(&ids).await;
    let finished = pipeline.session.read_finished(&ids).await.unwrap();
    let dead: Vec<_> =
        finished.iter().filter(|event| event.state == State::Dead).map(|event| event.id).collect();
    assert_eq!(dead, [ids[0]]);
}

#[tokio::test]
async fn a_consumer_that_froze_past_its_lease_changes_nothing() {
    for engine in Engine::all() {
        let mut pipeline = Pipeline::on(Database::shared(engine).await).await;
        let ids = pipeline.create(1).await;
        let other_api = Server::start(|_| async { word("do outro") }).await;
        let held = api(1).await;
        // It gets stuck in its handler, is frozen there, and another one does its event.
        let frozen = pipeline.consumer(&word_api(&held.url(), &SOON));
        held.until_asked(1).await;
        frozen.freeze();
        let _heir = pipeline.consumer(&word_api(&other_api.url(), &[("LEASE_SECONDS", "2")]));
        assert_eq!(pipeline.values(&ids).await[&ids[0]], "do outro");
        frozen.thaw();
        // It finds out that its claim is no longer its own, and goes on with other events.
        until_metric(&frozen, "eventpipeline_events_fenced_total", 1.0).await;
        let more = pipeline.create(10).await;
        pipeline.values(&more).await;
        let first = pipeline.event(ids[0]).await;
        assert_eq!((first.valor.as_str(), first.state), ("do outro", State::Done));
    }
}

#[tokio::test]
async fn the_lease_of_what_takes_long_is_extended() {
    for engine in Engine::all() {
        let mut pipeline = Pipeline::on(Database::shared(engine).await).await;
        let ids = pipeline.create(1).await;
        let api = api(1).await;
        let url = api.url();
        let variables = word_api(&url, &SOON);
        let _consumers = [pipeline.consumer(&variables), pipeline.consumer(&variables)];
        api.until_asked(1).await;
        let claimed = pipeline.event(ids[0]).await;
        assert_eq!(claimed.state, State::Processing);
        eventually(async || {
            let now = pipeline.session.event(ids[0]).await.ok()??;
            assert_eq!((now.state, now.attempts), (State::Processing, 1));
            (now.due > claimed.due).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn what_was_answered_while_the_database_hung_is_not_asked_for_again() {
    let server = Database::start(Engine::MySql).await;
    let mut pipeline = Pipeline::on(&server).await;
    let ids = pipeline.create(3).await;
    let (open, gate) = tokio::sync::watch::channel(false);
    let api = Server::start(move |_| {
        let mut gate = gate.clone();
        async move {
            gate.wait_for(|open| *open).await.unwrap();
            word("uma vez")
        }
    })
    .await;
    let consumer = pipeline.consumer(&word_api(&api.url(), &[("LEASE_SECONDS", "30")]));
    api.until_asked(3).await;
    server.freeze();
    open.send(true).unwrap();
    consumer.line("failed to write answers down").await;
    server.thaw();
    assert!(pipeline.values(&ids).await.values().all(|value| value == "uma vez"));
    assert_eq!(api.asked().len(), 3);
}
