//! The statements that run all the time, as texts, so that tests can hold their plans to the index they are made for.

use std::time::Duration;

use strum::{Display, VariantArray};

use crate::claim::{Claimed, LARGEST_CLAIM, Lease, select_due};
use crate::event::{EventId, Finished, State};
use crate::fenced::Item;
use crate::list::{Cursor, Listing, Place};
use crate::look::{Look, LookForDue};
use crate::reclaim::{LARGEST_RECLAIM, overdue};
use crate::remove::{LARGEST_REMOVAL, Remove};
use crate::script::Script;
use crate::settle::{Complete, Kind as _};

/// A statement that must read few rows, however many the table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, VariantArray)]
pub enum HotStatement {
    /// The locking read of [`crate::Session::claim`].
    Claim,
    /// [`crate::Session::has_due`].
    LookForDue,
    /// The locking read of [`crate::Session::reclaim`].
    Reclaim,
    /// The locking read of [`crate::Session::remove`], of events that are done.
    Remove,
    /// A page of [`crate::Session::list`], of events that are done.
    List,
    /// The part of such a page that is of the same moment as the end of the page before.
    ListBeside,
    /// The update of [`crate::Session::complete`].
    Complete,
}

impl HotStatement {
    /// Each of them.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// How many events [`HotStatement::text`] is about at the most.
    pub fn events(self) -> usize {
        match self {
            Self::Claim | Self::Complete => 256,
            Self::LookForDue => LARGEST_CLAIM,
            Self::Reclaim => LARGEST_RECLAIM,
            Self::Remove => LARGEST_REMOVAL,
            Self::List | Self::ListBeside => 100,
        }
    }

    /// The statement. `from` is where a look begins, in microseconds since 1970; `None` is the start.
    pub fn text(self, from: Option<i64>) -> String {
        let limit = self.events();
        let script = match self {
            Self::Claim => {
                let mut script = Script::default();
                select_due(&mut script, look(from), limit);
                script
            }
            Self::LookForDue => LookForDue(look(from)).select(),
            Self::Reclaim => overdue(from, Lease::new(Duration::from_mins(1))),
            Self::Remove => {
                let before = jiff::Timestamp::now().as_microsecond() - 3_600_000_000;
                Remove { from, finished: Finished::Done, before, limit }.select()
            }
            Self::List => {
                let after = from.map(|place| Cursor { place: Place(place), id: EventId::from_row(1) });
                Listing { state: Some(State::Done), after, limit }.behind()
            }
            Self::ListBeside => {
                let after = Cursor { place: Place(from.unwrap_or_default()), id: EventId::from_row(1) };
                let page = Listing { state: Some(State::Done), after: Some(after), limit };
                page.beside().unwrap_or_default()
            }
            Self::Complete => return complete(limit),
        };
        script.into_text().trim_start_matches("START TRANSACTION; ").to_owned()
    }
}

fn look(from: Option<i64>) -> Look {
    from.map_or(Look::Whole { reach: None }, |place| Look::Lately { place, since: place })
}

/// With its parameter as a literal.
fn complete(many: usize) -> String {
    let claim = |id| Claimed {
        id: EventId::from_row(id),
        token: 1,
        attempt: 1,
        payload: None,
        age: Duration::ZERO,
        trace: None,
        alone: false,
    };
    let items: Vec<Item<'_>> = (1..).take(many).map(|id| Item::new(&claim(id), "palavra", 0)).collect();
    let list = serde_json::to_string(&items).unwrap_or_default();
    Complete::UPDATE.update(&items).replacen('?', &format!("'{list}'"), 1)
}
