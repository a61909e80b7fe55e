//! The HTTP handler's contract, as docs/handlers.md states it.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use eventpipeline_database::{NewEvent, State};
use jiff::Timestamp;

use crate::server::{Server, http};
use crate::support::Pipeline;

#[tokio::test]
async fn an_event_is_posted_and_its_answer_is_stored() {
    let mut pipeline = Pipeline::new().await;
    let handler = Server::start(|asked| async move {
        match asked.headers["x-event-id"].to_str().unwrap() {
            "1" => ([("content-type", "application/json")], "{\"valor\": \"de JSON ç\", \"more\": 1}")
                .into_response(),
            "2" => "de texto\n".into_response(),
            _ => StatusCode::OK.into_response(),
        }
    })
    .await;
    let _consumer = pipeline.consumer(&http(&handler.url(), &[]));
    let payload = "{\"pedido\": 7}".to_owned();
    let events = vec![NewEvent { payload: Some(payload), ..NewEvent::default() }, NewEvent::default()];
    let before = Timestamp::now();
    let ids = pipeline.create_all(events).await;
    let values = pipeline.values(&ids).await;
    assert_eq!((values[&ids[0]].as_str(), values[&ids[1]].as_str()), ("de JSON ç", "de texto"));

    let mut asked = handler.asked();
    asked.sort_by_key(|asked| asked.body.clone());
    assert_eq!(asked[0].body, r#"{"id":1,"attempt":1,"payload":{"pedido": 7}}"#);
    assert_eq!(asked[1].body, r#"{"id":2,"attempt":1,"payload":null}"#);
    for header in ["x-event-id", "x-event-attempt"] {
        assert_eq!(asked[0].headers[header], "1");
    }
    assert_eq!(asked[0].headers["content-type"], "application/json");
    // Half of the lease of a minute.
    let deadline: Timestamp = asked[0].headers["x-event-deadline"].to_str().unwrap().parse().unwrap();
    let limit = Duration::from_secs(30);
    assert!(before + limit <= deadline && deadline <= Timestamp::now() + limit, "{deadline}");
}

#[tokio::test]
async fn what_the_handler_refuses_is_dead_at_once_with_its_answer() {
    let mut pipeline = Pipeline::new().await;
    let handler = Server::start(|asked| async move {
        match asked.headers["x-event-id"].to_str().unwrap() {
            "1" => (StatusCode::UNPROCESSABLE_ENTITY, "no such customer").into_response(),
            "2" => (StatusCode::SEE_OTHER, [("location", "/elsewhere")]).into_response(),
            _ => (StatusCode::BAD_REQUEST, "x".repeat(100_000)).into_response(),
        }
    })
    .await;
    let consumer = pipeline.consumer(&http(&handler.url(), &[]));
    let ids = pipeline.create(3).await;
    let mut errors = Vec::new();
    for id in ids {
        let dead = pipeline.in_state(id, State::Dead).await;
        assert_eq!(dead.attempts, 1);
        errors.push(dead.error.unwrap());
    }
    assert_eq!(errors[0], "the handler answered 422 Unprocessable Entity: no such customer");
    assert_eq!(errors[1], "the handler answered 303 See Other");
    assert!(errors[2].starts_with("the handler answered 400 Bad Request: xxx") && errors[2].len() <= 1000);
    // Redirects are not followed, refusals not repeated, and bodies not logged.
    assert_eq!(handler.asked().len(), 3);
    consumer.line("the handler answered 422").await;
    assert!(!consumer.log().contains("no such customer"), "{}", consumer.log());
}

#[tokio::test]
async fn a_handler_that_asks_for_time_gets_it() {
    let mut pipeline = Pipeline::new().await;
    let handler = Server::start(|asked| async move {
        match asked.before {
            0 => (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "3")]).into_response(),
            1 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")]).into_response(),
            _ => "pronto".into_response(),
        }
    })
    .await;
    let ids = pipeline.create(1).await;
    let further = [("BACKOFF_SECONDS", "1"), ("BACKOFF_MAX_SECONDS", "1")];
    let _consumer = pipeline.consumer(&http(&handler.url(), &further));
    assert_eq!(pipeline.values(&ids).await[&ids[0]], "pronto");
    let asked = handler.asked();
    let pause = asked[1].at.duration_since(asked[0].at);
    // The pause is by the database's clock, which may be a little faster than this one.
    assert!(pause > Duration::from_millis(2900), "{pause:?}");
    let attempts: Vec<_> = asked.iter().map(|asked| asked.headers["x-event-attempt"].clone()).collect();
    assert_eq!(attempts, ["1", "2", "3"]);
}

#[tokio::test]
async fn connections_are_kept() {
    let mut pipeline = Pipeline::new().await;
    let handler = Server::start(|_| async { "mesma".into_response() }).await;
    let ids = pipeline.create(300).await;
    let _consumer = pipeline.consumer(&http(&handler.url(), &[("CONCURRENCY", "2")]));
    pipeline.values(&ids).await;
    let clients: BTreeSet<_> = handler.asked().iter().map(|asked| asked.client).collect();
    // Two at once; a connection that is not back yet when it is wanted may be replaced, on a busy machine often.
    assert!(clients.len() <= 100, "{} connections for 300 requests", clients.len());
}

#[tokio::test]
async fn secrets_reach_the_handler_and_nobody_else() {
    let mut pipeline = Pipeline::new().await;
    let handler = Server::start(|_| async { StatusCode::INTERNAL_SERVER_ERROR.into_response() }).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("headers");
    std::fs::write(&file, "# of the handler\nX-Api-Key: S3CRET\n").unwrap();
    let url = handler.url().replace("http://", "http://me:S3CRET@") + "S3CRET?key=S3CRET";
    let further =
        [("MAX_ATTEMPTS", "1"), ("HANDLER_HEADERS_FILE", file.to_str().unwrap()), ("LOG_FILTER", "debug")];
    let consumer = pipeline.consumer(&http(&url, &further));
    let ids = pipeline.create(1).await;
    let dead = pipeline.in_state(ids[0], State::Dead).await;
    let asked = handler.asked();
    assert_eq!(asked[0].headers["x-api-key"], "S3CRET");
    assert!(asked[0].headers["authorization"].to_str().unwrap().starts_with("Basic "));
    assert!(!format!("{dead:?}").contains("S3CRET"), "{dead:?}");
    assert!(!consumer.log().contains("S3CRET"), "{}", consumer.log());
}

#[tokio::test]
async fn answers_that_are_no_values_are_failures() {
    let mut pipeline = Pipeline::new().await;
    let handler = Server::start(|asked| async move {
        let json = |body: &'static str| ([("content-type", "application/json")], body).into_response();
        match asked.before {
            0 => StatusCode::NO_CONTENT.into_response(),
            1 => json("{\"value\": \"x\"}"),
            2 => ([("content-type", "text/html")], "<h1>Welcome</h1>").into_response(),
            3 => ([("content-type", "text/plain")], vec![0xff, 0xfe]).into_response(),
            4 => "x".repeat(200_000).into_response(),
            _ => json("{\"valor\": \"válida\"}"),
        }
    })
    .await;
    let consumer = pipeline.consumer(&http(&handler.url(), &[("BACKOFF_MAX_SECONDS", "1")]));
    let ids = pipeline.create(1).await;
    assert_eq!(pipeline.values(&ids).await[&ids[0]], "válida");
    for reason in [
        "the value is blank",
        "missing field `valor`",
        "not \\\"text/html\\\"",
        "text in UTF-8",
        "more than 131072 bytes",
    ] {
        consumer.line(reason).await;
    }
}
