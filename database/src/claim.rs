//! Claims events in the order of the queue, each for one consumer at a time.

mod operation;

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
    /// Trace of the event's creation.
    pub trace: Option<TraceParent>,
    /// True if the event's last claim was never settled. The event may have crashed its consumer, so it must be handled
    /// while no other event is.
    pub alone: bool,
}

impl Session {
    /// Claims events in the order of the queue, up to `limit`. Skips rows that other clients have locked. Events that
    /// [`Session::has_due`] found come first.
    ///
    /// An event whose last claim was never settled ([`Claimed::alone`]) is claimed alone. If neither a limit nor such an event
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
        let without_locks = !mark.has_found() && mark.locking_scan(Instant::now()).is_none();
        if without_locks && !self.has_due(mark).await? {
            return Ok(Claims { events: Vec::new(), more: false });
        }
        let found = mark.found(limit.events);
        if !found.is_empty() {
            let taken = self.run(&ClaimOperation { source: Source::Found(&found), terms }).await?;
            mark.requested(found.len(), taken.left);
            if !taken.claims.events.is_empty() {
                let more = taken.claims.more || mark.may_have_more();
                return Ok(Claims { more, ..taken.claims });
            }
        }
        self.claim_from_index(mark, terms).await
    }

    async fn claim_from_index(&mut self, mark: &mut LowWaterMark, terms: Terms<'_>) -> Result<Claims, Error> {
        let begun = Instant::now();
        let scan = mark.locking_scan(begun).unwrap_or_else(|| mark.scan(begun));
        let taken = self.run(&ClaimOperation { source: Source::Index(scan), terms }).await;
        match &taken {
            Ok(taken) => {
                mark.scanned(scan, taken.took, &taken.seen);
                mark.locked(taken.took);
            }
            Err(error) => mark.scan_failed(scan, begun.elapsed(), error),
        }
        taken.map(|taken| taken.claims)
    }

    /// Returns whether an event is due. This is one cheap statement for idle consumers. The next claim requests the events
    /// that it finds.
    pub async fn has_due(&mut self, mark: &mut LowWaterMark) -> Result<bool, Error> {
        let begun = Instant::now();
        let scan = mark.scan(begun);
        match self.run(&FindDue(scan)).await {
            Ok(seen) => {
                mark.scanned(scan, begun.elapsed(), &seen);
                mark.scanned_without_locks(begun.elapsed());
                mark.remember(seen.ids, seen.cut.is_some());
                Ok(mark.has_found())
            }
            Err(error) => {
                mark.scan_failed(scan, begun.elapsed(), &error);
                Err(error)
            }
        }
    }
}
