//! Consumers in each language get the values of events from the word service of examples/word-service.

use std::path::Path;

use eventpipeline_testkit::{Port, Program, eventually, polyglot};

use crate::support::{Pipeline, program};

const WORDS: &str = include_str!("../../../examples/word-service/words.txt");

/// Checks that a consumer gets words from the service, also if the service starts later.
async fn gets_words(command: &[&Path]) {
    let pipeline = Pipeline::start().await;
    pipeline.migrate().await;
    pipeline.sql("UPDATE DBStatus SET id = 3").await;
    pipeline.sql("INSERT INTO Events (id, valor) VALUES (1, ''), (2, ''), (3, '')").await;
    let port = Port::take();
    let url = format!("http://{}/api", port.address());
    let command: Vec<_> = command.iter().map(|part| part.to_str().unwrap()).collect();
    let consumer = pipeline.start_program(&command, &[("HANDLER", "word-api"), ("WORD_API_URL", &url)]);
    consumer.line("failed").await;

    let service = polyglot().join("word-service/word-service");
    let _service =
        Program::start("words", &[service.to_str().unwrap()], &[("PORT", &port.number().to_string())]);
    let values = eventually(async || {
        let values = pipeline.values().await;
        values.iter().all(|valor| !valor.is_empty()).then_some(values)
    })
    .await;
    assert_eq!(values.len(), 3);
    assert!(values.iter().all(|valor| WORDS.lines().any(|word| word == valor)), "{values:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_consumer_gets_words() {
    gets_words(&[&program("eventpipeline-consumer"), "serve".as_ref()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_consumer_gets_words() {
    gets_words(&[&polyglot().join("venv/bin/python"), &polyglot().join("consumer-python/main.py")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_go_consumer_gets_words() {
    gets_words(&[&polyglot().join("consumer-go/consumer")]).await;
}
