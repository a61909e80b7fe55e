//! A setting that is missing or wrong ends the process with one line that names it.

use crate::support::Pipeline;

#[tokio::test]
async fn a_wrong_setting_is_named() {
    let pipeline = Pipeline::new().await;
    for (variable, environment) in [
        ("DATABASE_HOST", &[("DATABASE_HOST", "")][..]),
        ("DATABASE_PORT", &[("DATABASE_PORT", "65536")]),
        ("HANDLER", &[("HANDLER", "wordApi")]),
        ("WORD_API_URL", &[("HANDLER", "word-api")]),
        ("WORD_API_URL", &[("HANDLER", "word-api"), ("WORD_API_URL", "words.example")]),
        ("CONCURRENCY", &[("CONCURRENCY", "0")]),
        ("LEASE_SECONDS", &[("LEASE_SECONDS", "0")]),
        ("HANDLER_TIMEOUT_SECONDS", &[("HANDLER_TIMEOUT_SECONDS", "60")]),
        ("HANDLER_URL", &[("HANDLER", "http")]),
        ("HANDLER_HEADERS_FILE", &[("HANDLER_HEADERS_FILE", "/nowhere")]),
        ("HANDLER_FINAL_STATUSES", &[("HANDLER_FINAL_STATUSES", "404,200")]),
        ("MAX_ATTEMPTS", &[("MAX_ATTEMPTS", "0")]),
        ("BACKOFF_SECONDS", &[("BACKOFF_SECONDS", "601")]),
    ] {
        let mut consumer = pipeline.consumer(environment);
        assert_eq!(consumer.end().await.code(), Some(2), "{variable}");
        let log = consumer.log();
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.starts_with("eventpipeline-consumer: ") && log.contains(variable), "{log}");
    }
}
