//! A consumer that keeps its mark between claims.

use eventpipeline_database::{
    ClaimLimit, Claimed, EventId, Lane, Lease, LowWaterMark, NewEvent, Priority, Session,
};

use crate::support::{Fixture, LONG, create, create_all, owner};

/// A consumer that keeps its mark.
pub(crate) struct Consumer {
    pub(crate) session: Session,
    pub(crate) mark: LowWaterMark,
}

impl Consumer {
    pub(crate) fn new(fixture: &Fixture) -> Self {
        Self::in_lane(fixture, Lane::DEFAULT)
    }

    pub(crate) fn in_lane(fixture: &Fixture, lane: Lane) -> Self {
        Self { session: fixture.session(), mark: LowWaterMark::of(lane) }
    }

    /// Creates a consumer that has claimed every event so far.
    pub(crate) async fn at_work(fixture: &Fixture) -> Self {
        let mut consumer = Self::new(fixture);
        create(&mut consumer.session, 1).await;
        assert_eq!(consumer.claim(10).await.len(), 1);
        assert!(consumer.claim(10).await.is_empty());
        consumer
    }

    pub(crate) async fn claim(&mut self, events: usize) -> Vec<EventId> {
        let limit = ClaimLimit { events, bytes: usize::MAX };
        let claims = self.session.claim(&mut self.mark, &owner(), Lease::new(LONG), limit).await.unwrap();
        claims.events.iter().map(|claim: &Claimed| claim.id).collect()
    }

    pub(crate) async fn has_due(&mut self) -> bool {
        self.session.has_due(&mut self.mark).await.unwrap()
    }

    pub(crate) async fn create(&mut self, points: u8) -> EventId {
        let event = NewEvent { priority: Priority::new(points).unwrap(), ..NewEvent::default() };
        create_all(&mut self.session, vec![event]).await[0]
    }
}
