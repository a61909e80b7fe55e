//! Lanes: parts of the queue, each with its own order.

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::error::Error;
use crate::operations::OperationName;
use crate::session::{Operation, Session};
use crate::sql_batch::SqlBatch;

/// The part of the queue from which a consumer claims.
///
/// Pending events of a lane have a state of their own, so that each lane is a range of the same index: the negated number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane(i8);

impl Lane {
    /// The lane of events whose type no other lane has, and of events without a type.
    pub const DEFAULT: Self = Self(0);
    /// The highest number.
    pub(crate) const LAST: Self = Self(100);

    pub(crate) fn from_row(number: i8) -> Self {
        Self(number.max(0))
    }

    /// Returns the number in the tables.
    pub(crate) fn number(self) -> i8 {
        self.0
    }

    /// Returns `Events.state` of pending events.
    pub(crate) fn state(self) -> i64 {
        -i64::from(self.0)
    }
}

impl SqlBatch {
    /// Adds a source of events that are due in a lane. `FORCE INDEX`, because on a small table the optimizer prefers the primary
    /// key, and would lock all finished events on its way.
    pub(crate) fn due_in(&mut self, lane: Lane) -> &mut Self {
        self.sql(" FROM Events FORCE INDEX (state_due) WHERE state = ").number(lane.state());
        self.sql(" AND due <= UTC_TIMESTAMP(6)")
    }
}

impl Session {
    /// Returns the lane with a name.
    ///
    /// # Errors
    /// Returns [`Error::UnknownLane`] if there is none.
    pub async fn lane(&mut self, name: &str) -> Result<Lane, Error> {
        let lane = self.run(&ReadLane(name)).await?;
        lane.ok_or_else(|| Error::UnknownLane { name: name.to_owned() })
    }
}

struct ReadLane<'a>(&'a str);

impl Operation for ReadLane<'_> {
    const NAME: OperationName = OperationName::ReadLane;
    type Output = Option<Lane>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Option<Lane>, sqlx::Error> {
        let mut select = SqlBatch::new("SELECT lane FROM Lanes WHERE name = ");
        select.text(self.0);
        let rows = select.rows(connection).await?;
        rows.first().map(|row| row.try_get("lane").map(Lane::from_row)).transpose()
    }
}
