//! Traces of creations: a claim contains its event's trace, and unknown traces are ignored.

use eventpipeline_database::{Creation, NewEvent, TraceParent};

use crate::support::{claim, ids, on_each};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_claim_contains_the_trace_of_its_creation() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        let event =
            |payload: Option<&str>| NewEvent { payload: payload.map(str::to_owned), ..NewEvent::default() };
        let creation = |payload, trace: Option<&str>| {
            let creation = Creation::many(vec![event(payload); 2]).unwrap();
            creation.with_trace(trace.map(|trace| TraceParent::new(trace).unwrap()))
        };
        let other = TRACE.replace("-01", "-00");
        let creations =
            [creation(Some("1"), None), creation(None, Some(TRACE)), creation(None, Some(&other))];
        session.create(&creations).await.unwrap();
        fixture.sql("INSERT INTO Events (id) VALUES (7)").await;
        fixture.sql("UPDATE Events SET traceparent = 'of another program' WHERE id = 6").await;
        let claims = claim(&mut session, 9).await;
        assert_eq!(ids(&claims), [1, 2, 3, 4, 5, 6, 7]);
        let traces: Vec<_> =
            claims.iter().map(|claim| claim.trace.as_ref().map(TraceParent::as_str)).collect();
        let other = Some(other.as_str());
        assert_eq!(traces, [None, None, Some(TRACE), Some(TRACE), other, None, None]);
    })
    .await;
}
