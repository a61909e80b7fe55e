//! I5: what a crashed consumer left locked becomes free again, and nothing else does.

use std::time::Duration;

use eventpipeline_database::{Completion, Lease, Value};

use eventpipeline_testkit::eventually;

use crate::support::{LONG, claim, claimer, create, ids, on_each};

const SHORT: Duration = Duration::from_millis(1);

#[tokio::test]
async fn only_claims_past_their_lease_are_freed() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        create(&mut session, 4).await;
        session.claim(&claimer(), Lease::new(SHORT), 2).await.unwrap();
        claim(&mut session, 1).await;
        let freed = eventually(async || {
            let freed = session.reclaim(Lease::new(LONG)).await.unwrap();
            (freed.len() == 2).then_some(freed)
        })
        .await;
        assert_eq!(freed.iter().map(|id| id.get()).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(session.reclaim(Lease::new(LONG)).await.unwrap(), []);
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
        assert_eq!(session.reclaim(Lease::new(SHORT)).await.unwrap(), []);
        eventually(async || (session.reclaim(Lease::new(SHORT)).await.unwrap().len() == 1).then_some(()))
            .await;
        assert_eq!(ids(&claim(&mut session, 1).await), [1]);
    })
    .await;
}

#[tokio::test]
async fn a_claim_in_the_hands_of_a_transaction_is_left_alone() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 1).await;
        fixture.sql("UPDATE Events SET processing = 1, lease_until = '2020-01-01' WHERE id = 1").await;
        fixture.sql("START TRANSACTION").await;
        fixture.sql("UPDATE Events SET valor = 'classic', processing = 0 WHERE id = 1").await;
        assert_eq!(session.reclaim(Lease::new(LONG)).await.unwrap(), []);
        fixture.sql("COMMIT").await;
        assert_eq!(session.reclaim(Lease::new(LONG)).await.unwrap(), []);
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
        let frozen = session.claim(&claimer(), Lease::new(SHORT), 1).await.unwrap().remove(0);
        eventually(async || (session.reclaim(Lease::new(LONG)).await.unwrap().len() == 1).then_some(()))
            .await;
        fixture.sql("UPDATE Events SET processing = 1 WHERE id = 1").await;
        let late = Completion { claim: frozen, value: Value::new("tarde").unwrap() };
        assert_eq!(session.complete(&[late]).await.unwrap(), []);
    })
    .await;
}
