//! Looking for events that are due: along the whole line, or where they come in.

use std::time::Duration;

use sqlx::Row as _;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use crate::claim::LARGEST_CLAIM;
use crate::event::{EventId, Priority};
use crate::operations::OperationName;
use crate::script::Script;
use crate::session::Operation;
use crate::time::microseconds;

/// Those that are due, in line. `FORCE INDEX`, because on a small table the optimizer prefers the primary key, and would
/// lock its way through the finished events.
pub(crate) const DUE: &str =
    " FROM Events FORCE INDEX (state_due) WHERE state = 0 AND due <= UTC_TIMESTAMP(6)";

/// Which part of the line is looked along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// All of it, or what is not further back than this.
    Whole {
        /// None is all the way.
        reach: Option<Duration>,
    },
    /// From a place on; and before it, where urgent events have come in since.
    ///
    /// An event of priority n comes in n minutes before now. So nine short pieces of the index hold all that are new, however
    /// many entries that are not purged lie between them.
    Lately {
        /// Microseconds since 1970.
        place: i64,
        /// The database's time of the last look that left nothing out.
        since: i64,
    },
}

impl Look {
    /// How long a creation may take from its insert to its commit, in microseconds. What takes longer is found by a look from
    /// the start.
    pub(crate) const SLACK: i64 = 1_000_000;
}

const MINUTE: i64 = 60_000_000;

impl Script {
    /// Adds the condition.
    pub(crate) fn along(&mut self, look: Look) -> &mut Self {
        match look {
            Look::Whole { reach: None } => {}
            Look::Whole { reach: Some(reach) } => {
                self.sql(" AND due >= UTC_TIMESTAMP(6) - INTERVAL ").number(microseconds(reach));
                self.sql(" MICROSECOND");
            }
            Look::Lately { place, since } => {
                self.sql(" AND (due >= ").time_at(place);
                for points in (1..=i64::from(Priority::MAX.get())).rev() {
                    let first = since - Look::SLACK - points * MINUTE;
                    if first < place {
                        self.sql(" OR due BETWEEN ").time_at(first);
                        self.sql(" AND UTC_TIMESTAMP(6) - INTERVAL ").number(points).sql(" MINUTE");
                    }
                }
                self.sql(")");
            }
        }
        self
    }

    /// Adds the database's time, which [`now`] reads.
    pub(crate) fn now(&mut self) -> &mut Self {
        self.sql("SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) AS now; ")
    }
}

/// The database's time, which the first row says, and the other rows.
pub(crate) fn now(rows: Vec<MySqlRow>) -> Result<(i64, Vec<MySqlRow>), sqlx::Error> {
    let mut rows = rows.into_iter();
    let now = rows.next().ok_or(sqlx::Error::RowNotFound)?.try_get("now")?;
    Ok((now, rows.collect()))
}

/// What a look saw.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The database's time, in microseconds since 1970.
    pub(crate) now: i64,
    /// The place of the last event, where a limit ended it.
    pub(crate) cut: Option<i64>,
    /// First in line first.
    pub(crate) ids: Vec<EventId>,
}

/// A look without locks.
pub(crate) struct LookForDue(pub(crate) Look);

impl LookForDue {
    pub(crate) fn select(&self) -> Script {
        let mut select =
            Script::new("SELECT id, COALESCE(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', due), 0) AS place");
        select.sql(DUE).along(self.0).sql(" ORDER BY due, id LIMIT ").count(LARGEST_CLAIM);
        select
    }
}

impl Operation for LookForDue {
    const NAME: OperationName = OperationName::LookForDue;
    type Output = Seen;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Seen, sqlx::Error> {
        let mut script = Script::default();
        script.now().append(&self.select());
        let (now, rows) = now(script.rows(connection).await?)?;
        let last = rows.last().filter(|_| rows.len() == LARGEST_CLAIM);
        let cut = last.map(|row| row.try_get("place")).transpose()?;
        let ids = rows.iter().map(|row| Ok(EventId::from_row(row.try_get("id")?)));
        Ok(Seen { now, cut, ids: ids.collect::<Result<_, sqlx::Error>>()? })
    }
}
