//! Options of events that are created one by one.

use eventpipeline_database::{ClaimLimit, Lease, LowWaterMark, MaxAttempts, Owner};
use serde_json::Value as Json;

use crate::support::{Producer, problem};

#[tokio::test]
async fn an_urgent_event_is_claimed_first_and_a_scheduled_one_is_not_claimed() {
    let producer = Producer::start().await;
    for query in [
        "",
        "?priority=9",
        "?notBefore=2999-12-31T23:59:59%2B01:00",
        "?notBefore=0001-01-01T00:00:00Z&priority=0",
    ] {
        assert_eq!(producer.post(&format!("/create-async{query}")).await.status(), 202, "{query}");
    }
    let (owner, lease) =
        (Owner::new("test", MaxAttempts::new(10).unwrap()), Lease::new(std::time::Duration::from_mins(1)));
    let mut session = producer.database.session();
    let limit = ClaimLimit { events: 10, bytes: usize::MAX };
    let mark = &mut LowWaterMark::default();
    let taken = session.claim(mark, &owner, lease, limit).await.unwrap().events;
    let ids: Vec<i64> = taken.iter().map(|claim| claim.id.get()).collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
    assert_eq!(ids[0], 2);

    let later = producer.json("/v1/events/3").await;
    assert_eq!(later["state"], "pending");
    assert_eq!(later["notBefore"], "2999-12-31T22:59:59Z");
    assert_eq!(producer.json("/v1/events/2").await["priority"], 9);
    assert_eq!(producer.json("/v1/events/4").await["notBefore"], Json::Null);
}

#[tokio::test]
async fn an_invalid_parameter_is_named() {
    let producer = Producer::start().await;
    for (query, named) in [
        ("priority=10", "0 to 9"),
        ("priority=-1", "0 to 9"),
        ("priority=", "0 to 9"),
        ("priority=%FF", "0 to 9"),
        ("priority=1&priority=1", "more than once"),
        ("delaySeconds=-1", "whole number of seconds"),
        ("delaySeconds=4294967296", "whole number of seconds"),
        ("delaySeconds=1&notBefore=2027-01-31T08:00:00Z", "combined with notBefore"),
        ("notBefore=tomorrow", "RFC 3339"),
        ("notBefore=2027-01-31T08:00:00+01:00", "%2B"),
        ("notBefore=99999-01-31T08:00:00Z", "RFC 3339"),
    ] {
        let response = producer.post(&format!("/create-sync?{query}")).await;
        let problem = problem(response, 400, "invalid-parameter").await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(named) && detail.contains(query.split('=').next().unwrap()), "{detail}");
    }
    assert_eq!(producer.json("/").await["events"], 0);
    // The first version ignored unknown parameters.
    assert_eq!(producer.post("/create-async?_=1&_=2").await.status(), 202);
}
