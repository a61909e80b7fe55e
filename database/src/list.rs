//! Lists of events, and single events with all their columns.

mod blocked;
mod lanes;

use std::fmt;
use std::str::FromStr;

use sqlx::Row as _;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use crate::error::Error;
use crate::event::{Event, EventId, Place, Priority, State};
use crate::event_key::KeyNumber;
use crate::operations::OperationName;
use crate::session::{Operation, Session};
use crate::sql_batch::SqlBatch;
use crate::time::timestamp;

/// A request for a page of a list.
#[derive(Debug, Clone, Copy)]
pub struct Listing {
    /// Restricts the list to one state, in the order of [`Event::due`]; blocked events in the order of their keys first. Without it,
    /// the list is in the order of ids.
    pub state: Option<State>,
    /// The event after which the page begins.
    pub after: Option<Cursor>,
    /// Maximum number of events; at most [`Listing::LARGEST`].
    pub limit: usize,
}

impl Listing {
    /// Maximum length of a page.
    pub const LARGEST: usize = 1000;
}

/// The position of an event in a list, after which the next page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) place: Place,
    pub(crate) id: EventId,
    /// Key of a blocked event.
    pub(crate) key: Option<KeyNumber>,
}

/// The error for a text that is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor must be the `next` value of an earlier page")]
pub struct InvalidCursor;

impl From<&Event> for Cursor {
    fn from(event: &Event) -> Self {
        let key = event.key.as_deref().filter(|_| event.state == State::Blocked).map(KeyNumber::of);
        Self { place: event.place, id: event.id, key }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.place.0, self.id)?;
        match self.key {
            Some(number) => write!(formatter, ".{}", number.get()),
            None => Ok(()),
        }
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (text, key) = match text.split_once('.') {
            Some((text, key)) => {
                (text, Some(key.parse().ok().and_then(KeyNumber::new).ok_or(InvalidCursor)?))
            }
            None => (text, None),
        };
        let (due, id) = text.rsplit_once('-').ok_or(InvalidCursor)?;
        let due: i64 = due.parse().map_err(|_| InvalidCursor)?;
        let id = id.parse().ok().and_then(EventId::new).ok_or(InvalidCursor)?;
        // A position outside of the column's range would cause an error of the database.
        if Place::from_row(Some(due)) != Place(due) {
            return Err(InvalidCursor);
        }
        Ok(Self { place: Place(due), id, key })
    }
}

impl Session {
    /// Returns an event with all its columns, if it exists.
    pub async fn event(&mut self, id: EventId) -> Result<Option<Event>, Error> {
        let event = self.run(&One(id)).await?;
        if event.is_none() {
            self.check_not_demoted().await?;
        }
        Ok(event)
    }

    /// Returns a page of events. An event that changes its state between two pages may appear twice or not at all.
    pub async fn list(&mut self, listing: &Listing) -> Result<Vec<Event>, Error> {
        self.run(listing).await
    }
}

const COLUMNS: &str = "SELECT id, state, type, event_key, COALESCE(valor, '') AS valor, payload, priority, attempts, error, owner, \
     COALESCE(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', created_at), 0) AS created_at, \
     TIMESTAMPDIFF(MICROSECOND, '1970-01-01', due) AS due_at, \
     TIMESTAMPDIFF(MICROSECOND, '1970-01-01', done_at) AS done_at FROM Events";

struct One(EventId);

impl Operation for One {
    const NAME: OperationName = OperationName::ReadEvent;
    const PATIENT: bool = true;
    type Output = Option<Event>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Option<Event>, sqlx::Error> {
        let mut select = SqlBatch::new(COLUMNS);
        select.sql(" WHERE id = ").number(self.0.get());
        select.rows(connection).await?.first().map(event).transpose()
    }
}

impl Operation for Listing {
    const NAME: OperationName = OperationName::List;
    const PATIENT: bool = true;
    type Output = Vec<Event>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Vec<Event>, sqlx::Error> {
        if self.state == Some(State::Blocked) {
            return self.blocked(connection).await;
        }
        if self.state == Some(State::Pending) {
            let lanes = lanes::lanes(connection).await?;
            if lanes.len() > 1 {
                let rows = self.select_from_lanes(&lanes).rows(connection).await?;
                return rows.iter().map(event).collect();
            }
        }
        let mut rows = match self.select_same_position() {
            Some(select) => select.rows(connection).await?,
            None => Vec::new(),
        };
        let limit = self.limit.saturating_sub(rows.len());
        if limit > 0 {
            rows.extend(Self { limit, ..*self }.select_after().rows(connection).await?);
        }
        rows.iter().map(event).collect()
    }
}

impl Listing {
    /// Selects the remaining events at the position of the last page's end. They need a separate statement: a single condition
    /// on position and id would read all events of that position for each page.
    pub(crate) fn select_same_position(&self) -> Option<SqlBatch> {
        let (state, Cursor { place, id, .. }) = (self.state?, self.after?);
        let mut select = Self::select_state(state);
        match place {
            Place(Place::FIRST) => select.sql(" AND due <= ").time_at(Place::FIRST),
            Place(place) => select.sql(" AND due = ").time_at(place),
        };
        select.sql(" AND id > ").number(id.get());
        self.limited(&mut select, " ORDER BY due, id LIMIT ");
        Some(select)
    }

    /// Selects the events after that position.
    pub(crate) fn select_after(&self) -> SqlBatch {
        let Some(state) = self.state else {
            let mut select = SqlBatch::new(COLUMNS);
            select.sql(" WHERE id > ").number(self.after.map_or(0, |cursor| cursor.id.get()));
            self.limited(&mut select, " ORDER BY id LIMIT ");
            return select;
        };
        let mut select = Self::select_state(state);
        if let Some(Cursor { place: Place(place), .. }) = self.after {
            select.sql(" AND due > ").time_at(place);
        }
        self.limited(&mut select, " ORDER BY due, id LIMIT ");
        select
    }

    fn select_state(state: State) -> SqlBatch {
        let mut select = SqlBatch::new(COLUMNS);
        select.sql(" FORCE INDEX (state_due) WHERE state = ").number(state.number());
        select
    }

    fn limited(&self, select: &mut SqlBatch, order: &'static str) {
        select.sql(order).count(self.limit.min(Self::LARGEST));
    }
}

fn event(row: &MySqlRow) -> Result<Event, sqlx::Error> {
    let finished_at: Option<i64> = row.try_get("done_at")?;
    let due: Option<i64> = row.try_get("due_at")?;
    Ok(Event {
        id: EventId::from_row(row.try_get("id")?),
        state: State::from_row(row.try_get("state")?)?,
        event_type: row.try_get("type")?,
        key: row.try_get("event_key")?,
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
    fn a_cursor_survives_a_round_trip() {
        for (due, id) in
            [(0, 1), (-5, 7), (1_795_000_000_000_000, i64::MAX), (Place::FIRST, 2), (Place::LAST, 3)]
        {
            for key in [None, Some(KeyNumber::of("customer-7"))] {
                let cursor = Cursor { place: Place(due), id: EventId::from_row(id), key };
                assert_eq!(cursor.to_string().parse(), Ok(cursor));
            }
        }
        for wrong in [
            "",
            "-",
            "1",
            "1-0",
            "x-1",
            "1-x",
            "9223372036854775807-1",
            "1--1",
            "1-1.",
            "1-1.x",
            "1-1.-3",
            "1-1.7",
            "1-1.-9223372036854775808",
        ] {
            assert_eq!(wrong.parse::<Cursor>(), Err(InvalidCursor), "{wrong:?}");
        }
    }
}
