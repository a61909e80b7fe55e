//! Claims events in the order of the queue, each for one consumer at a time.

mod operation;
mod range;

use std::time::{Duration, Instant};

use crate::error::Error;
use crate::event::EventId;
use crate::low_water_mark::LowWaterMark;
use crate::owner::{Lease, Owner};
use crate::scan::{FindDue, LARGEST_CLAIM};
use crate::session::Session;
use crate::trace_parent::TraceParent;

pub(crate) use operation::select_due;
use operation::{ClaimOperation, Source, Terms};
use range::TakeRange;
pub(crate) use range::{select_range, select_range_end, select_urgent};

/// Size from which claims are those of a consumer that handles its events within a fraction of a second. It takes ranges for several
/// claims, because consumers take ranges one after another. Otherwise urgent events would wait for too many claims.
const FAST: usize = 64;

/// Maximum size of a claim. A claim takes at least one event.
#[derive(Debug, Clone, Copy)]
pub struct ClaimLimit {
    /// Maximum number of events; at most [`LARGEST_CLAIM`].
    pub events: usize,
    /// Maximum sum of the payloads, in bytes.
    pub bytes: usize,
}

/// The result of a claim.
#[derive(Debug)]
pub struct Claims {
    /// The events, in the order of the queue.
    pub events: Vec<Claimed>,
    /// True if a limit ended the claim, so that more events may be due.
    pub more: bool,
}

/// A claimed event. Its owner may settle it while the claim's fence token is the event's current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Id of the event.
    pub id: EventId,
    /// Fence token of this claim.
    pub token: i64,
    /// Number of claims of the event, including this one and without released ones.
    pub attempt: i32,
    /// JSON text of the payload.
    pub payload: Option<String>,
    /// Age of the event at this claim.
    pub age: Duration,
    /// Type of the event, as stored.
    pub event_type: Option<String>,
    /// Key of the event, as stored.
    pub key: Option<String>,
    /// Trace of the event's creation.
    pub trace: Option<TraceParent>,
    /// The events that may be handled at the same time.
    pub isolation: Isolation,
}

/// The events that may be handled at the same time as an event. An event whose last claim was never settled may have crashed its
/// consumer. If it does so again, few other events may lose an attempt, and none its last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// All events.
    None,
    /// Events whose last claim was lost for the first time, too.
    Group,
    /// No other event: two claims in a row were lost, or the loss of this claim would be the event's end.
    Alone,
}

impl Isolation {
    /// Maximum number of events in a group.
    pub const LARGEST_GROUP: usize = 64;

    /// Returns how many events of the same kind one claim may take.
    fn most(self) -> usize {
        match self {
            Self::None => LARGEST_CLAIM,
            Self::Group => Self::LARGEST_GROUP,
            Self::Alone => 1,
        }
    }
}

impl Session {
    /// Claims events of the mark's lane, in their order, up to `limit`. Skips rows that other clients have locked. Events that
    /// [`Session::has_due`] found come first.
    ///
    /// An event whose last claim was never settled is claimed without others ([`Isolation`]). If neither a limit nor such an event
    /// ended the claim, no more events are due after the mark. A later full scan finds those before it.
    pub async fn claim(
        &mut self,
        mark: &mut LowWaterMark,
        owner: &Owner,
        lease: Lease,
        limit: ClaimLimit,
    ) -> Result<Claims, Error> {
        if limit.events == 0 {
            return Ok(Claims { events: Vec::new(), more: true });
        }
        let limit = ClaimLimit { events: limit.events.min(LARGEST_CLAIM), ..limit };
        let terms = Terms { owner, lease, limit };
        // In a backlog, other consumers may have claimed what an earlier scan found.
        for _ in 0..2 {
            if mark.shares_backlog() {
                self.look_into_backlog(mark, limit.events).await?;
            } else if mark.must_look(Instant::now()) && !self.has_due(mark).await? {
                return Ok(Claims { events: Vec::new(), more: false });
            }
            if let Some(claims) = self.claim_found(mark, terms).await? {
                return Ok(claims);
            }
            if !mark.shares_backlog() {
                break;
            }
            mark.forget_found();
        }
        self.claim_from_index(mark, terms).await
    }

    /// Claims the first of the stored events. Returns `None` if none of them is free.
    async fn claim_found(
        &mut self,
        mark: &mut LowWaterMark,
        terms: Terms<'_>,
    ) -> Result<Option<Claims>, Error> {
        let found = mark.found(terms.limit.events);
        if found.is_empty() {
            return Ok(None);
        }
        let taken =
            self.run(&ClaimOperation { lane: mark.lane(), source: Source::Found(&found), terms }).await?;
        mark.requested(found.len(), taken.claims.events.len(), taken.left);
        let more = taken.claims.more || mark.may_have_more();
        Ok((!taken.claims.events.is_empty()).then_some(Claims { more, ..taken.claims }))
    }

    /// Finds events that returned to positions before the mark, or takes the next range of the backlog, for claims of this size.
    async fn look_into_backlog(&mut self, mark: &mut LowWaterMark, events: usize) -> Result<(), Error> {
        if mark.has_found() || (mark.full_scan_is_due(Instant::now()) && self.has_due(mark).await?) {
            return Ok(());
        }
        let Some(start) = mark.range(Instant::now()) else { return Ok(()) };
        let events = if events >= FAST { LARGEST_CLAIM } else { events };
        match self.run(&TakeRange { lane: mark.lane(), start, events }).await {
            Ok(seen) => mark.took_range(seen),
            Err(error) if error.is_locked() => mark.cursor_is_locked(Instant::now()),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn claim_from_index(&mut self, mark: &mut LowWaterMark, terms: Terms<'_>) -> Result<Claims, Error> {
        let begun = Instant::now();
        let scan = mark.claiming_scan(begun);
        match self.run(&ClaimOperation { lane: mark.lane(), source: Source::Index(scan), terms }).await {
            Ok(taken) => {
                mark.scanned(scan, taken.took, &taken.seen);
                mark.locked(taken.took, taken.claims.events.len() + taken.left.len());
                mark.left(taken.left);
                Ok(taken.claims)
            }
            Err(error) => {
                mark.scan_failed(scan, begun.elapsed(), &error);
                Err(error)
            }
        }
    }

    /// Returns whether an event is due. This is one cheap statement for idle consumers. The next claim requests the events
    /// that it finds.
    pub async fn has_due(&mut self, mark: &mut LowWaterMark) -> Result<bool, Error> {
        let begun = Instant::now();
        let scan = mark.scan(begun);
        match self.run(&FindDue { lane: mark.lane(), scan }).await {
            Ok(seen) => {
                mark.scanned(scan, begun.elapsed(), &seen);
                mark.scanned_without_locks(begun.elapsed());
                mark.remember(scan, seen);
                Ok(mark.has_found())
            }
            Err(error) => {
                mark.scan_failed(scan, begun.elapsed(), &error);
                Err(error)
            }
        }
    }
}
