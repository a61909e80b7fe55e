//! I3 and I4: one completion is accepted, from the current claim, and never changes.

use std::time::Duration;

use eventpipeline_database::{Claimed, Completion, Value};
use eventpipeline_testkit::eventually;

use crate::support::{LONG, claim, claim_for, create, ids, on_each, reclaim};

fn answer(claim: &Claimed, text: &str) -> Completion {
    Completion { claim: claim.clone(), value: Value::new(text).unwrap() }
}

#[tokio::test]
async fn the_first_value_is_kept() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 2).await;
        let claims = claim(&mut session, 2).await;
        let id = claims[0].id;
        assert_eq!(session.complete(&[answer(&claims[0], "maçã")]).await.unwrap(), [id]);
        assert_eq!(session.complete(&[answer(&claims[0], "pera")]).await.unwrap(), []);
        let done = session.read_finished(&[id, claims[1].id]).await.unwrap();
        assert_eq!(done.len(), 1);
        assert_eq!((done[0].id, done[0].valor.as_str()), (id, "maçã"));
        assert_eq!(fixture.value::<i32>("SELECT processing FROM Events WHERE id = 1").await, 0);
        assert_eq!(session.read(&[id, claims[1].id]).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn of_two_owners_the_last_one_completes_the_event() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        create(&mut session, 1).await;
        let frozen = claim_for(&mut session, Duration::from_millis(1), 1).await.remove(0);
        let mut other = fixture.session();
        eventually(async || (!reclaim(&mut other, LONG).await.freed.is_empty()).then_some(())).await;
        // First after the lease expired, then after the next claim.
        assert_eq!(session.complete(&[answer(&frozen, "tarde")]).await.unwrap(), []);
        let current = claim(&mut session, 1).await.remove(0);
        assert_eq!(session.complete(&[answer(&frozen, "tarde")]).await.unwrap(), []);
        session.release(std::slice::from_ref(&frozen)).await.unwrap();
        assert_eq!(session.complete(&[answer(&current, "cedo")]).await.unwrap(), [current.id]);
        assert_eq!(session.read(&[current.id]).await.unwrap()[0].valor, "cedo");
    })
    .await;
}

#[tokio::test]
async fn a_released_event_is_free_at_once_and_its_claim_has_ended() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        create(&mut session, 2).await;
        let claims = claim(&mut session, 2).await;
        session.release(&claims).await.unwrap();
        assert_eq!(session.complete(&[answer(&claims[0], "tarde")]).await.unwrap(), []);
        assert_eq!(ids(&claim(&mut session, 2).await), [1, 2]);
    })
    .await;
}

#[tokio::test]
async fn a_value_of_maximum_length_is_stored() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        create(&mut session, 1).await;
        let claims = claim(&mut session, 1).await;
        let longest = "🦀".repeat(Value::MAX_CHARS);
        assert_eq!(session.complete(&[answer(&claims[0], &longest)]).await.unwrap().len(), 1);
        assert_eq!(session.read(&[claims[0].id]).await.unwrap()[0].valor, longest);
    })
    .await;
}

/// In JSON, each of these characters has six bytes.
#[tokio::test]
async fn any_number_of_values_of_maximum_size_is_stored() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        create(&mut session, 600).await;
        let text = "\u{1}".repeat(8000);
        let answers: Vec<Completion> =
            claim(&mut session, 600).await.iter().map(|claim| answer(claim, &text)).collect();
        assert_eq!(session.complete(&answers).await.unwrap().len(), 600);
        let last = session.read_finished(&[answers[599].claim.id]).await.unwrap().remove(0);
        assert_eq!(last.valor, text);
    })
    .await;
}
