//! Finished events are removed after their retention, without a running consumer.

use eventpipeline_database::{
    ClaimLimit, Completion, Creation, Failure, Lease, LowWaterMark, MaxAttempts, NewEvent, Next, Owner, Value,
};
use eventpipeline_testkit::{Database as Server, Engine, eventually};
use sqlx::{Connection as _, Executor as _, MySqlConnection};
use std::time::Duration;

use crate::support::{Producer, claim};

/// More events than one removal takes.
const OLD: usize = 1200;

#[tokio::test]
async fn producers_remove_old_done_events_only() {
    for engine in Engine::all() {
        let server = Server::shared(engine).await;
        let kept = [("RETAIN_DONE_SECONDS", "3600")];
        let producer = Producer::before(server, &kept).await;
        let other = producer.another_with(&kept).await;
        let mut session = producer.database.session();
        session.create(&[Creation::many(vec![NewEvent::default(); OLD]).unwrap()]).await.unwrap();
        let dead = claim(&mut session).await;
        let failure = Failure { claim: dead.clone(), error: "no".to_owned(), next: Next::Dead };
        session.fail(&[failure]).await.unwrap();
        let owner = Owner::new("test", MaxAttempts::new(10).unwrap());
        let lease = Lease::new(Duration::from_mins(10));
        let limit = ClaimLimit { events: 400, bytes: usize::MAX };
        let mut completed = 0;
        while completed < OLD - 1 {
            let claims =
                session.claim(&mut LowWaterMark::default(), &owner, lease, limit).await.unwrap().events;
            let value = Value::new("guardada").unwrap();
            let completions: Vec<_> =
                claims.into_iter().map(|claim| Completion { claim, value: value.clone() }).collect();
            completed += session.complete(&completions).await.unwrap().len();
        }
        // Simulates that two hours pass.
        let mut sql = MySqlConnection::connect(&server.url(producer.database_name())).await.unwrap();
        sql.execute("UPDATE Events SET due = due - INTERVAL 2 HOUR, done_at = done_at - INTERVAL 2 HOUR")
            .await
            .unwrap();
        assert_eq!(producer.post("/create-async").await.status(), 202);
        producer.consume(&mut session, "nova").await;

        let stats = eventually(async || {
            let stats = session.stats().await.ok()?;
            (stats.removed == 1199).then_some(stats)
        })
        .await;
        assert_eq!((stats.created, stats.done, stats.dead), (1201, 1, 1));
        assert!(session.event(dead.id).await.unwrap().is_some());
        // Each event was removed once, by one of the producers.
        eventually(async || {
            let removed = "eventpipeline_events_removed_total{state=\"done\"}";
            let sum = producer.metric(removed).await? + other.metric(removed).await?;
            ((sum - 1199.0).abs() < 0.5).then_some(())
        })
        .await;
    }
}
