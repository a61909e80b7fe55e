//! The contract of HTTP handlers in docs/develop/handlers.md.

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
async fn a_refused_event_is_dead_at_once_with_the_handlers_answer() {
    let mut pipeline = Pipeline::new().await;
    let handler = Server::start(|asked| async move {
        match asked.headers["x-event-id"].to_str().unwrap() {
            "1" => (StatusCode::UNPROCESSABLE_ENTITY, "no such customer").into_response(),
            "2" => StatusCode::GONE.into_response(),
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
    assert_eq!(errors[0], "the handler returned 422 Unprocessable Entity: no such customer");
    assert_eq!(errors[1], "the handler returned 410 Gone");
    assert!(errors[2].starts_with("the handler returned 400 Bad Request: xxx") && errors[2].len() <= 1000);
    // Refused events are not retried, and bodies are not logged.
    assert_eq!(handler.asked().len(), 3);
    consumer.line("the handler returned 422").await;
    assert!(!consumer.log().contains("no such customer"), "{}", consumer.log());
}

#[tokio::test]
async fn temporary_statuses_of_proxies_and_rollouts_are_retried() {
    let passing = [301, 303, 401, 403, 404, 405, 408, 409, 421, 425, 429, 431, 500, 502, 503, 504];
    let mut pipeline = Pipeline::new().await;
    let handler = Server::start(move |asked| async move {
        // Each event is refused by another status, once. Redirects are not followed.
        let id: usize = asked.headers["x-event-id"].to_str().unwrap().parse().unwrap();
        match asked.headers["x-event-attempt"].to_str().unwrap() {
            "1" => {
                (StatusCode::from_u16(passing[id - 1]).unwrap(), [("location", "/elsewhere")]).into_response()
            }
            _ => "de volta".into_response(),
        }
    })
    .await;
    let _consumer = pipeline.consumer(&http(&handler.url(), &[]));
    let ids = pipeline.create(passing.len()).await;
    assert!(pipeline.values(&ids).await.values().all(|value| value == "de volta"));
    assert_eq!(handler.asked().len(), 2 * passing.len());
}

#[tokio::test]
async fn the_final_statuses_are_configurable() {
    let mut pipeline = Pipeline::new().await;
    let handler = Server::start(|asked| async move {
        match asked.headers["x-event-id"].to_str().unwrap() {
            "1" => StatusCode::NOT_FOUND.into_response(),
            _ if asked.headers["x-event-attempt"] == "1" => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
            _ => "afinal".into_response(),
        }
    })
    .await;
    let _consumer = pipeline.consumer(&http(&handler.url(), &[("HANDLER_FINAL_STATUSES", "404, 410")]));
    let ids = pipeline.create(2).await;
    assert_eq!(pipeline.in_state(ids[0], State::Dead).await.attempts, 1);
    assert_eq!(pipeline.values(&ids[1..]).await[&ids[1]], "afinal");
}

#[tokio::test]
async fn a_payload_that_is_not_json_reaches_the_handler_as_a_string() {
    let mut pipeline = Pipeline::new().await;
    let handler = Server::start(|_| async { "lido".into_response() }).await;
    let _consumer = pipeline.consumer(&http(&handler.url(), &[]));
    // Programs in other languages may store such payloads.
    let stored = ["1,\"id\":999,\"attempt\":0", "not json", ""];
    let event = |payload: &&str| NewEvent { payload: Some((*payload).to_owned()), ..NewEvent::default() };
    let ids = pipeline.create_all(stored.iter().map(event).collect()).await;
    pipeline.values(&ids).await;
    let mut bodies: Vec<String> = handler.asked().into_iter().map(|asked| asked.body).collect();
    bodies.sort();
    assert_eq!(
        bodies,
        [
            r#"{"id":1,"attempt":1,"payload":"1,\"id\":999,\"attempt\":0"}"#,
            r#"{"id":2,"attempt":1,"payload":"not json"}"#,
            r#"{"id":3,"attempt":1,"payload":""}"#,
        ]
    );
}

#[tokio::test]
async fn a_requested_pause_does_not_shorten_the_backoff() {
    let mut pipeline = Pipeline::new().await;
    let handler = Server::start(|asked| async move {
        let past = "Sun, 06 Nov 1994 08:49:37 GMT";
        match (
            asked.headers["x-event-id"].to_str().unwrap(),
            asked.headers["x-event-attempt"].to_str().unwrap(),
        ) {
            ("1", "1") => (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")]).into_response(),
            ("2", "1") => (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", past)]).into_response(),
            _ => "depois".into_response(),
        }
    })
    .await;
    let further = [("BACKOFF_SECONDS", "6"), ("BACKOFF_MAX_SECONDS", "6")];
    let _consumer = pipeline.consumer(&http(&handler.url(), &further));
    let ids = pipeline.create(2).await;
    pipeline.values(&ids).await;
    for id in ["1", "2"] {
        let asked = handler.asked().into_iter().filter(|asked| asked.headers["x-event-id"] == id);
        let times: Vec<_> = asked.map(|asked| asked.at).collect();
        // Half of the pause is jitter, and it is measured by the database's clock.
        assert!(times[1].duration_since(times[0]) > Duration::from_millis(2900), "{id}");
    }
}

#[tokio::test]
async fn an_answer_in_a_content_coding_is_refused_by_name() {
    let mut pipeline = Pipeline::new().await;
    let handler = Server::start(|asked| async move {
        match asked.before {
            0 => ([("content-encoding", "gzip")], vec![0x1f, 0x8b, 0x08]).into_response(),
            1 => (StatusCode::SERVICE_UNAVAILABLE, [("content-encoding", "br")], "busy").into_response(),
            _ => "simples".into_response(),
        }
    })
    .await;
    let consumer = pipeline.consumer(&http(&handler.url(), &[("BACKOFF_MAX_SECONDS", "1")]));
    let ids = pipeline.create(1).await;
    assert_eq!(pipeline.values(&ids).await[&ids[0]], "simples");
    consumer.line("must respond without a content coding").await;
    assert!(consumer.log().contains("gzip"), "{}", consumer.log());
    assert!(handler.asked().iter().all(|asked| asked.headers["accept-encoding"] == "identity"));
    assert!(pipeline.event(ids[0]).await.attempts == 3);
}

#[tokio::test]
async fn a_handler_can_request_a_pause() {
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
    // The pause is measured by the database's clock, which may be slightly faster than this one.
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
    // Two at a time. A connection that is not yet returned when the next one is needed may be replaced, often
    // on a busy machine.
    assert!(clients.len() <= 100, "{} connections for 300 requests", clients.len());
}

#[tokio::test]
async fn secrets_reach_only_the_handler() {
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
async fn answers_without_a_value_are_failures() {
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
