//! Events in full: one, or a page of them.

use std::fmt;
use std::str::FromStr;

use sqlx::Row as _;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use crate::error::Error;
use crate::event::{Event, EventId, Priority, State};
use crate::operations::OperationName;
use crate::script::Script;
use crate::session::{Operation, Session};
use crate::time::timestamp;

/// A page of a list.
#[derive(Debug, Clone, Copy)]
pub struct Listing {
    /// Only the events of this state, in the order of [`Event::due`]; without, all in the order of their ids.
    pub state: Option<State>,
    /// Behind which event the page begins.
    pub after: Option<Cursor>,
    /// How many events at the most; up to [`Listing::LARGEST`].
    pub limit: usize,
}

impl Listing {
    /// The longest page.
    pub const LARGEST: usize = 1000;
}

/// Where an event stands in its state's line, as the table has it: microseconds since 1970, also of hours that [`Timestamp`]
/// does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) i64);

impl Place {
    /// `1000-01-01`, the first day that `DATETIME` knows. Stands for all before it: MySQL computes nothing of `0000-00-00`.
    const FIRST: i64 = -30_610_224_000_000_000;
    /// `9999-12-31 23:59:59.999999`
    const LAST: i64 = 253_402_300_799_999_999;

    fn from_row(microseconds: Option<i64>) -> Self {
        Self(microseconds.unwrap_or(Self::FIRST).clamp(Self::FIRST, Self::LAST))
    }
}

/// A place in a list: behind an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) place: Place,
    pub(crate) id: EventId,
}

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor is what an earlier page gave as the next one")]
pub struct InvalidCursor;

impl From<&Event> for Cursor {
    fn from(event: &Event) -> Self {
        Self { place: event.place, id: event.id }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.place.0, self.id)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (due, id) = text.rsplit_once('-').ok_or(InvalidCursor)?;
        let due: i64 = due.parse().map_err(|_| InvalidCursor)?;
        let id = id.parse().ok().and_then(EventId::new).ok_or(InvalidCursor)?;
        // What no event can have would be an error of the database.
        if Place::from_row(Some(due)) != Place(due) {
            return Err(InvalidCursor);
        }
        Ok(Self { place: Place(due), id })
    }
}

impl Session {
    /// An event in full, if it exists.
    pub async fn event(&mut self, id: EventId) -> Result<Option<Event>, Error> {
        let event = self.run(&One(id)).await?;
        if event.is_none() {
            self.look_for_demotion().await?;
        }
        Ok(event)
    }

    /// A page of events. Those that change their state while somebody turns pages may be seen twice or not at all.
    pub async fn list(&mut self, listing: &Listing) -> Result<Vec<Event>, Error> {
        self.run(listing).await
    }
}

const COLUMNS: &str = "SELECT id, state, COALESCE(valor, '') AS valor, payload, priority, attempts, error, owner, \
     COALESCE(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', created_at), 0) AS created_at, \
     TIMESTAMPDIFF(MICROSECOND, '1970-01-01', due) AS due_at, \
     TIMESTAMPDIFF(MICROSECOND, '1970-01-01', done_at) AS done_at FROM Events";

struct One(EventId);

impl Operation for One {
    const NAME: OperationName = OperationName::ReadEvent;
    const PATIENT: bool = true;
    type Output = Option<Event>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Option<Event>, sqlx::Error> {
        let mut select = Script::new(COLUMNS);
        select.sql(" WHERE id = ").number(self.0.get());
        select.rows(connection).await?.first().map(event).transpose()
    }
}

impl Operation for Listing {
    const NAME: OperationName = OperationName::List;
    const PATIENT: bool = true;
    type Output = Vec<Event>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Vec<Event>, sqlx::Error> {
        let mut rows = match self.beside() {
            Some(select) => select.rows(connection).await?,
            None => Vec::new(),
        };
        let limit = self.limit.saturating_sub(rows.len());
        if limit > 0 {
            rows.extend(Self { limit, ..*self }.behind().rows(connection).await?);
        }
        rows.iter().map(event).collect()
    }
}

impl Listing {
    /// The rest of the events that stand at the place of the last page's end, however many are due in one moment: a single
    /// condition on place and id would read all of them for each page.
    pub(crate) fn beside(&self) -> Option<Script> {
        let (state, Cursor { place, id }) = (self.state?, self.after?);
        let mut select = Self::in_line(state);
        match place {
            Place(Place::FIRST) => select.sql(" AND due <= ").time_at(Place::FIRST),
            Place(place) => select.sql(" AND due = ").time_at(place),
        };
        select.sql(" AND id > ").number(id.get());
        self.limited(&mut select, " ORDER BY due, id LIMIT ");
        Some(select)
    }

    /// The events behind that place.
    pub(crate) fn behind(&self) -> Script {
        let Some(state) = self.state else {
            let mut select = Script::new(COLUMNS);
            select.sql(" WHERE id > ").number(self.after.map_or(0, |cursor| cursor.id.get()));
            self.limited(&mut select, " ORDER BY id LIMIT ");
            return select;
        };
        let mut select = Self::in_line(state);
        if let Some(Cursor { place: Place(place), .. }) = self.after {
            select.sql(" AND due > ").time_at(place);
        }
        self.limited(&mut select, " ORDER BY due, id LIMIT ");
        select
    }

    fn in_line(state: State) -> Script {
        let mut select = Script::new(COLUMNS);
        select.sql(" FORCE INDEX (state_due) WHERE state = ").number(state.number());
        select
    }

    fn limited(&self, select: &mut Script, order: &'static str) {
        select.sql(order).count(self.limit.min(Self::LARGEST));
    }
}

fn event(row: &MySqlRow) -> Result<Event, sqlx::Error> {
    let finished_at: Option<i64> = row.try_get("done_at")?;
    let due: Option<i64> = row.try_get("due_at")?;
    Ok(Event {
        id: EventId::from_row(row.try_get("id")?),
        state: State::from_row(row.try_get("state")?)?,
        valor: row.try_get("valor")?,
        payload: row.try_get("payload")?,
        priority: Priority::from_row(row.try_get("priority")?),
        attempts: u32::try_from(row.try_get::<i32, _>("attempts")?).unwrap_or_default(),
        error: row.try_get("error")?,
        owner: row.try_get("owner")?,
        created_at: timestamp(row.try_get("created_at")?),
        due: timestamp(due.unwrap_or_default()),
        place: Place::from_row(due),
        finished_at: finished_at.map(timestamp),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_written_and_read_alike() {
        for (due, id) in
            [(0, 1), (-5, 7), (1_795_000_000_000_000, i64::MAX), (Place::FIRST, 2), (Place::LAST, 3)]
        {
            let cursor = Cursor { place: Place(due), id: EventId::from_row(id) };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for wrong in ["", "-", "1", "1-0", "x-1", "1-x", "9223372036854775807-1", "1--1"] {
            assert_eq!(wrong.parse::<Cursor>(), Err(InvalidCursor), "{wrong:?}");
        }
    }
}
