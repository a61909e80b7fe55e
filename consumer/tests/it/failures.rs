//! Failed attempts: backoff and dead events.

use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use eventpipeline_database::State;
use eventpipeline_testkit::{Database, Engine, eventually};

use crate::server::{Server, word, word_api};
use crate::support::{Pipeline, metric};

#[tokio::test]
async fn an_event_that_always_fails_is_dead_with_its_last_error() {
    for engine in Engine::all() {
        let mut pipeline = Pipeline::on(Database::shared(engine).await).await;
        let api = Server::start(|asked| async move {
            let codes =
                [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::BAD_GATEWAY, StatusCode::GATEWAY_TIMEOUT];
            codes[asked.before % 3].into_response()
        })
        .await;
        let further = [("MAX_ATTEMPTS", "3"), ("BACKOFF_MAX_SECONDS", "1")];
        let consumer = pipeline.consumer(&word_api(&api.url(), &further));
        let ids = pipeline.create(1).await;
        let dead = pipeline.in_state(ids[0], State::Dead).await;
        assert_eq!(dead.attempts, 3);
        assert!(dead.error.as_deref().unwrap().contains("504"), "{dead:?}");
        assert_eq!((api.asked().len(), dead.valor.as_str()), (3, ""));
        // They are counted after they are written.
        eventually(async || {
            let retries = metric(&consumer, "eventpipeline_events_failed_total{next=\"retry\"}").await;
            let deaths = metric(&consumer, "eventpipeline_events_failed_total{next=\"dead\"}").await;
            ((retries, deaths) == (2.0, 1.0)).then_some(())
        })
        .await;
        // When a person retries it, it starts over.
        pipeline.session.retry(ids[0]).await.unwrap();
        api.until_asked(4).await;
    }
}

#[tokio::test]
async fn an_event_in_its_backoff_does_not_block_others() {
    let mut pipeline = Pipeline::new().await;
    let api = Server::start(|asked| async move {
        match asked.before {
            0..4 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            _ => word("livre"),
        }
    })
    .await;
    let further = [("CONCURRENCY", "1"), ("BACKOFF_SECONDS", "3600"), ("BACKOFF_MAX_SECONDS", "3600")];
    let _consumer = pipeline.consumer(&word_api(&api.url(), &further));
    let failing = pipeline.create(4).await;
    api.until_asked(4).await;
    let others = pipeline.create(4).await;
    assert!(pipeline.values(&others).await.values().all(|value| value == "livre"));
    for id in failing {
        // With two settlers, later outcomes may be written earlier.
        let waiting = pipeline.in_state(id, State::Pending).await;
        assert_eq!(waiting.attempts, 1);
        assert!(waiting.error.unwrap().contains("500"));
    }
}

#[tokio::test]
async fn an_event_that_kills_its_consumers_is_dead_in_the_end() {
    let mut pipeline = Pipeline::new().await;
    let api = Server::start(|_| std::future::pending()).await;
    let ids = pipeline.create(1).await;
    let url = api.url();
    let variables = word_api(&url, &[("LEASE_SECONDS", "5"), ("MAX_ATTEMPTS", "2")]);
    for attempt in 1..=2 {
        let victim = pipeline.consumer(&variables);
        api.until_asked(attempt).await;
        victim.kill9();
    }
    let _witness = pipeline.consumer(&variables);
    let dead = pipeline.in_state(ids[0], State::Dead).await;
    assert_eq!((dead.attempts, api.asked().len()), (2, 2));
    assert!(dead.error.is_some());
}
