//! Scans of the index for due events: the full queue, or only the positions where events arrive.

use std::time::Duration;

use sqlx::Row as _;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use crate::event::{EventId, Priority};
use crate::lane::Lane;
use crate::operations::OperationName;
use crate::session::Operation;
use crate::sql_batch::SqlBatch;
use crate::time::microseconds;

/// Maximum number of events that one claim takes.
pub const LARGEST_CLAIM: usize = 1024;

/// The part of the index that a scan covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scan {
    /// The full queue, or a part of it.
    Full {
        /// Maximum age of the covered part; `None` is unlimited.
        reach: Option<Duration>,
        /// End of the covered part, in microseconds since 1970; `None` is now.
        until: Option<i64>,
    },
    /// The part from a position on, and the positions before it where urgent events have arrived since.
    ///
    /// An event of priority n arrives at the position n minutes before now. Nine short ranges of the index therefore contain all
    /// new events, even if many entries between them are not yet purged.
    Recent {
        /// The position, in microseconds since 1970.
        place: i64,
        /// The database's time of the last complete scan.
        since: i64,
    },
}

impl Scan {
    /// Maximum time between a creation's insert and its commit, in microseconds. A full scan finds the events of a slower one.
    pub(crate) const SLACK: i64 = 1_000_000;
}

const MINUTE: i64 = 60_000_000;

impl SqlBatch {
    /// Adds the condition of a scan.
    pub(crate) fn along(&mut self, scan: Scan) -> &mut Self {
        match scan {
            Scan::Full { reach, until } => {
                if let Some(reach) = reach {
                    self.sql(" AND due >= UTC_TIMESTAMP(6) - INTERVAL ").number(microseconds(reach));
                    self.sql(" MICROSECOND");
                }
                if let Some(until) = until {
                    self.sql(" AND due < ").time_at(until);
                }
            }
            Scan::Recent { place, since } => {
                self.sql(" AND (due >= ").time_at(place);
                self.urgent(since, Some(place)).sql(")");
            }
        }
        self
    }

    /// Adds the ranges, each after `OR`, where urgent events have arrived since a time; only those that begin before a position.
    pub(crate) fn urgent(&mut self, since: i64, before: Option<i64>) -> &mut Self {
        for points in (1..=i64::from(Priority::MAX.get())).rev() {
            let first = since - Scan::SLACK - points * MINUTE;
            if before.is_none_or(|before| first < before) {
                self.sql(" OR due BETWEEN ").time_at(first);
                self.sql(" AND UTC_TIMESTAMP(6) - INTERVAL ").number(points).sql(" MINUTE");
            }
        }
        self
    }

    /// Adds a statement that reads the database's time, for [`now`].
    pub(crate) fn now(&mut self) -> &mut Self {
        self.sql("SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) AS now; ")
    }
}

/// Splits off the first row, which contains the database's time, from the others.
pub(crate) fn now(rows: Vec<MySqlRow>) -> Result<(i64, Vec<MySqlRow>), sqlx::Error> {
    let mut rows = rows.into_iter();
    let now = rows.next().ok_or(sqlx::Error::RowNotFound)?.try_get("now")?;
    Ok((now, rows.collect()))
}

/// The result of a scan.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The database's time, in microseconds since 1970.
    pub(crate) now: i64,
    /// The position of the last event if a limit ended the scan.
    pub(crate) cut: Option<i64>,
    /// The events that the scan found, in the order of the queue.
    pub(crate) ids: Vec<EventId>,
}

/// A scan of a lane without locks.
pub(crate) struct FindDue {
    pub(crate) lane: Lane,
    pub(crate) scan: Scan,
}

impl FindDue {
    pub(crate) fn select(&self) -> SqlBatch {
        let mut select =
            SqlBatch::new("SELECT id, COALESCE(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', due), 0) AS place");
        select.due_in(self.lane).along(self.scan).sql(" ORDER BY due, id LIMIT ").count(LARGEST_CLAIM);
        select
    }
}

impl Operation for FindDue {
    const NAME: OperationName = OperationName::FindDue;
    type Output = Seen;

    /// The database's time comes with the events, as a row without an id: an idle consumer sends one statement per scan.
    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Seen, sqlx::Error> {
        let mut batch = SqlBatch::new(
            "SELECT NULL AS id, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) AS place UNION ALL (",
        );
        batch.append(&self.select()).sql(")");
        let (mut now, mut due) = (None, Vec::new());
        for row in batch.rows(connection).await? {
            let place: i64 = row.try_get("place")?;
            match row.try_get("id")? {
                Some(id) => due.push((place, EventId::from_row(id))),
                None => now = Some(place),
            }
        }
        // SQL does not define the order of the rows of a union.
        due.sort_unstable();
        let cut = due.last().filter(|_| due.len() == LARGEST_CLAIM).map(|(place, _)| *place);
        let now = now.ok_or(sqlx::Error::RowNotFound)?;
        Ok(Seen { now, cut, ids: due.into_iter().map(|(_, id)| id).collect() })
    }
}
