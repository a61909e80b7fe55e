//! Texts of the statements that run constantly, so that tests can check their query plans.

use std::time::Duration;

use strum::{Display, VariantArray};

use crate::claim::{Claimed, Isolation, select_due, select_range, select_range_end, select_urgent};
use crate::contention::Contention;
use crate::event::{EventId, Finished, Place, State};
use crate::event_key::KeyNumber;
use crate::fenced::Item;
use crate::keys::select_next;
use crate::lane::Lane;
use crate::list::{Cursor, Listing};
use crate::owner::Lease;
use crate::reclaim::{LARGEST_RECLAIM, overdue};
use crate::remove::{LARGEST_REMOVAL, Remove};
use crate::scan::{FindDue, LARGEST_CLAIM, Scan};
use crate::settle::{Complete, Settlement as _};
use crate::sql_batch::SqlBatch;

/// A statement that must read few rows from a table of any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, VariantArray)]
pub enum HotStatement {
    /// The locking read of [`crate::Session::claim`].
    Claim,
    /// The read of the last event of a range of the backlog, with the range's start in variables.
    RangeEnd,
    /// The read of a range's events, with its positions in variables.
    Range,
    /// The read of urgent events before a range, with the range's start in a variable.
    Urgent,
    /// The statement of [`crate::Session::has_due`].
    FindDue,
    /// The locking read of [`crate::Session::reclaim`].
    Reclaim,
    /// The locking read of [`crate::Session::remove`] for completed events.
    Remove,
    /// A page of [`crate::Session::list`] of completed events.
    List,
    /// The part of such a page at the position where the previous page ended.
    ListSamePosition,
    /// The update of [`crate::Session::complete`].
    Complete,
    /// The read of the first blocked events of 256 keys, whose numbers are 2^32 and higher.
    NextOfKeys,
}

impl HotStatement {
    /// All statements.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Returns the maximum number of events in the result of [`HotStatement::text`].
    pub fn events(self) -> usize {
        match self {
            Self::Claim | Self::RangeEnd | Self::Complete | Self::NextOfKeys => 256,
            Self::FindDue | Self::Range | Self::Urgent => LARGEST_CLAIM,
            Self::Reclaim => LARGEST_RECLAIM,
            Self::Remove => LARGEST_REMOVAL,
            Self::List | Self::ListSamePosition => 100,
        }
    }

    /// Returns the statement for a lane. A scan begins at `from`, in microseconds since 1970, or at the start for `None`.
    pub fn text(self, lane: Lane, from: Option<i64>) -> String {
        let limit = self.events();
        let batch = match self {
            Self::Claim => {
                let mut batch = SqlBatch::default();
                select_due(&mut batch, lane, scan(from), limit);
                batch
            }
            Self::RangeEnd => {
                let mut batch = SqlBatch::new("SELECT due, id");
                select_range_end(&mut batch, lane, limit);
                batch
            }
            Self::Range => {
                let mut batch = SqlBatch::new("SELECT id");
                select_range(&mut batch, lane);
                batch
            }
            Self::Urgent => {
                let mut batch = SqlBatch::new("SELECT id");
                select_urgent(&mut batch, lane, from.unwrap_or_default());
                batch
            }
            Self::FindDue => FindDue { lane, scan: scan(from) }.select(),
            Self::Reclaim => overdue(from, Lease::new(Duration::from_mins(1))),
            Self::Remove => {
                let before = jiff::Timestamp::now().as_microsecond() - 3_600_000_000;
                Remove { from, finished: Finished::Done, before, limit, contention: Contention::default() }
                    .select()
            }
            Self::List => {
                let after =
                    from.map(|place| Cursor { place: Place(place), id: EventId::from_row(1), key: None });
                Listing { state: Some(State::Done), after, limit }.select_after()
            }
            Self::ListSamePosition => {
                let after =
                    Cursor { place: Place(from.unwrap_or_default()), id: EventId::from_row(1), key: None };
                let page = Listing { state: Some(State::Done), after: Some(after), limit };
                page.select_same_position().unwrap_or_default()
            }
            Self::Complete => return complete(limit),
            Self::NextOfKeys => {
                let keys: Vec<_> = (1_i64 << 32..).take(limit).map(KeyNumber::from_row).collect();
                let mut batch = SqlBatch::default();
                select_next(&mut batch, 0, &keys);
                batch
            }
        };
        batch.into_text().trim_start_matches("START TRANSACTION; ").to_owned()
    }
}

fn scan(from: Option<i64>) -> Scan {
    from.map_or(Scan::Full { reach: None, until: None }, |place| Scan::Recent { place, since: place })
}

/// Returns the update of `many` completions, with its parameter as a literal.
fn complete(many: usize) -> String {
    let claim = |id| Claimed {
        id: EventId::from_row(id),
        token: 1,
        attempt: 1,
        payload: None,
        age: Duration::ZERO,
        event_type: None,
        key: None,
        trace: None,
        isolation: Isolation::None,
    };
    let items: Vec<Item<'_>> = (1..).take(many).map(|id| Item::new(&claim(id), "palavra", 0)).collect();
    let list = serde_json::to_string(&items).unwrap_or_default();
    Complete::UPDATE.update(&items).replacen('?', &format!("'{list}'"), 1)
}
