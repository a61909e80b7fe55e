//! Consumers that die, freeze or take long: each event is completed once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::IntoResponse as _;
use eventpipeline_database::State;
use eventpipeline_testkit::{Database, Engine, eventually};

use crate::server::{Server, http, word, word_api};
use crate::support::{Pipeline, until_metric};

/// A short lease, and a handler timeout that a busy machine does not exceed by accident.
const SOON: [(&str, &str); 2] = [("LEASE_SECONDS", "10"), ("HANDLER_TIMEOUT_SECONDS", "9")];

/// Starts a word API that never answers the first `hanging` requests.
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
async fn the_events_of_a_killed_consumer_are_completed_by_another() {
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
    heir.line("leases had expired").await;
    until_metric(&heir, "eventpipeline_events_reclaimed_total{outcome=\"freed\"}", 5.0).await;
}

/// It is unknown which events a dead consumer had begun, so all whose last attempt it may have been are dead.
/// Therefore nothing is claimed ahead if events are tried once.
#[tokio::test]
async fn unstarted_events_that_are_tried_once_survive_the_consumer() {
    let mut pipeline = Pipeline::new().await;
    // The handler is fast at first, so that claiming ahead would pay off; then it hangs.
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
    // Values that are not yet written would be lost as well.
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

/// It is unknown which event killed a consumer. The others must survive.
#[tokio::test]
async fn an_event_that_kills_its_consumers_takes_no_other_with_it() {
    const POISON: &str = "1";
    let mut pipeline = Pipeline::new().await;
    let rounds: [(&str, &str); 3] =
        [("LEASE_SECONDS", "6"), ("HANDLER_TIMEOUT_SECONDS", "5"), ("MAX_ATTEMPTS", "3")];
    let ids = pipeline.create(16).await;
    for round in 1..=3 {
        // Later requests hang as well, so that their events are in flight when the consumer dies.
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
async fn a_consumer_that_froze_longer_than_its_lease_changes_nothing() {
    for engine in Engine::all() {
        let mut pipeline = Pipeline::on(Database::shared(engine).await).await;
        let ids = pipeline.create(1).await;
        let other_api = Server::start(|_| async { word("do outro") }).await;
        let held = api(1).await;
        // It hangs in its handler and is frozen there; another consumer completes its event.
        let frozen = pipeline.consumer(&word_api(&held.url(), &SOON));
        held.until_asked(1).await;
        frozen.freeze();
        let _heir = pipeline.consumer(&word_api(&other_api.url(), &[("LEASE_SECONDS", "2")]));
        assert_eq!(pipeline.values(&ids).await[&ids[0]], "do outro");
        frozen.thaw();
        // It finds out that its claim is lost, and continues with other events.
        until_metric(&frozen, "eventpipeline_events_fenced_total", 1.0).await;
        let more = pipeline.create(10).await;
        pipeline.values(&more).await;
        let first = pipeline.event(ids[0]).await;
        assert_eq!((first.valor.as_str(), first.state), ("do outro", State::Done));
    }
}

#[tokio::test]
async fn the_lease_of_a_slow_event_is_extended() {
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
async fn a_value_is_kept_while_the_database_hangs() {
    let server = Database::start(Engine::MySql).await;
    let mut pipeline = Pipeline::on(&server).await;
    let ids = pipeline.create(3).await;
    let (api, open) = Server::gated("uma vez").await;
    let consumer = pipeline.consumer(&word_api(&api.url(), &[("LEASE_SECONDS", "30")]));
    api.until_asked(3).await;
    server.freeze();
    open.send(true).unwrap();
    consumer.line("failed to complete").await;
    server.thaw();
    assert!(pipeline.values(&ids).await.values().all(|value| value == "uma vez"));
    assert_eq!(api.asked().len(), 3);
}
