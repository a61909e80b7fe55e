//! A database that goes away in mid-work and comes back.

use eventpipeline_testkit::{Database as Server, Engine, Options};
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
