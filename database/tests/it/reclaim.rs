//! I5: what a crashed consumer left locked becomes free again, and nothing else does.

use std::time::Duration;

use eventpipeline_database::{Completion, Value};
use eventpipeline_testkit::eventually;

use crate::support::{LONG, claim, claim_for, create, ids, on_each, reclaim};

const SHORT: Duration = Duration::from_millis(1);

#[tokio::test]
async fn only_claims_past_their_lease_are_freed() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        create(&mut session, 4).await;
        claim_for(&mut session, SHORT, 2).await;
        claim(&mut session, 1).await;
        let freed = eventually(async || {
            let freed = reclaim(&mut session, LONG).await.freed;
            (freed.len() == 2).then_some(freed)
        })
        .await;
        assert_eq!(freed.iter().map(|id| id.get()).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(reclaim(&mut session, LONG).await.freed, []);
        assert_eq!(ids(&claim(&mut session, 10).await), [1, 2, 4]);
    })
    .await;
}

#[tokio::test]
async fn a_classic_claim_gets_a_lease_when_it_is_first_seen() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 1).await;
        fixture.sql("UPDATE Events SET processing = 1 WHERE id = 1").await;
        assert_eq!(reclaim(&mut session, SHORT).await.freed, []);
        eventually(async || (reclaim(&mut session, SHORT).await.freed.len() == 1).then_some(())).await;
        assert_eq!(ids(&claim(&mut session, 1).await), [1]);
    })
    .await;
}

#[tokio::test]
async fn a_claim_in_the_hands_of_a_transaction_is_left_alone() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 1).await;
        fixture
            .sql("UPDATE Events SET processing = 1, due = '2020-01-01', lease_until = due WHERE id = 1")
            .await;
        fixture.sql("START TRANSACTION").await;
        fixture.sql("UPDATE Events SET valor = 'classic', processing = 0 WHERE id = 1").await;
        assert_eq!(reclaim(&mut session, LONG).await.freed, []);
        fixture.sql("COMMIT").await;
        assert_eq!(reclaim(&mut session, LONG).await.freed, []);
        assert_eq!(fixture.value::<String>("SELECT valor FROM Events").await, "classic");
    })
    .await;
}

/// The classic consumer moves no token, so that the freed event must already have another one.
#[tokio::test]
async fn the_holder_of_a_freed_event_is_fenced_off_also_when_a_classic_consumer_takes_it() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 1).await;
        let frozen = claim_for(&mut session, SHORT, 1).await.remove(0);
        eventually(async || (reclaim(&mut session, LONG).await.freed.len() == 1).then_some(())).await;
        fixture.sql("UPDATE Events SET processing = 1 WHERE id = 1").await;
        let late = Completion { claim: frozen, value: Value::new("tarde").unwrap() };
        assert_eq!(session.complete(&[late]).await.unwrap(), []);
    })
    .await;
}
