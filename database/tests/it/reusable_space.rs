//! The space that removed events leave in the tablespace.

use std::time::Duration;

use eventpipeline_database::{Finished, LowWaterMark, NewEvent};
use eventpipeline_testkit::eventually;

use crate::support::{answer, claim, create_all, on_each};

const EVENTS: usize = 200;
const PAYLOAD: usize = 60_000;

#[tokio::test]
async fn the_space_of_removed_events_is_reusable() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        let payload = format!("\"{}\"", "x".repeat(PAYLOAD - 2));
        let event = NewEvent { payload: Some(payload), ..NewEvent::default() };
        create_all(&mut session, vec![event; EVENTS]).await;
        let most = u64::try_from(EVENTS * PAYLOAD).unwrap();
        assert!(session.reusable_bytes().await.unwrap() < most / 2);
        let claims = claim(&mut session, EVENTS).await;
        let answers: Vec<_> = claims.iter().map(|claim| answer(claim, "palavra")).collect();
        assert_eq!(session.complete(&answers).await.unwrap().len(), EVENTS);
        eventually(async || {
            let mark = &mut LowWaterMark::default();
            let removal = session.remove(mark, Finished::Done, Duration::ZERO, EVENTS).await.unwrap();
            (removal.events == EVENTS).then_some(())
        })
        .await;
        // The server purges them a moment later.
        eventually(async || (session.reusable_bytes().await.unwrap() > most * 3 / 4).then_some(())).await;
    })
    .await;
}
