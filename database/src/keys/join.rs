//! Adds events to their keys.

use std::collections::BTreeMap;

use sqlx::mysql::MySqlConnection;

use crate::event_key::KeyNumber;
use crate::operations::OperationName;
use crate::session::Operation;
use crate::sql_batch::SqlBatch;
use crate::time::NOW;

/// The events that a transaction adds to keys.
#[derive(Debug, Default)]
pub(crate) struct Joining(BTreeMap<KeyNumber, usize>);

/// An event that joins a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joined {
    number: KeyNumber,
    /// Number of events of the same key that the transaction adds before it.
    before: usize,
}

impl Joining {
    /// Adds an event of a key, after those that were added before.
    pub(crate) fn add(&mut self, number: KeyNumber) -> Joined {
        let events = self.0.entry(number).or_default();
        *events += 1;
        Joined { number, before: *events - 1 }
    }

    /// Returns whether no event has a key.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the statements that count the events, and lock the keys until the end of the transaction. All transactions lock keys
    /// in the order of their numbers.
    ///
    /// An event is not blocked if no event of its key is, and if the key has fewer than `concurrency` others. `free` tells for how
    /// many of the new events this holds. A position that does not depend on the clock alone keeps the order if the clock steps.
    pub(crate) fn statements(&self) -> [SqlBatch; 2] {
        let setting = SqlBatch::new("SET @concurrency = COALESCE((SELECT concurrency FROM KeySettings), 1)");
        let mut count = SqlBatch::new("INSERT INTO EventKeys (number, events, running, free, place) VALUES ");
        count.list(&self.0, |batch, (number, events)| {
            batch.sql("(").number(number.get()).sql(",").count(*events).sql(",LEAST(").count(*events);
            batch.sql(",@concurrency),@concurrency,").sql(NOW).sql("+").count(*events).sql(")");
        });
        count.sql(
            " ON DUPLICATE KEY UPDATE free = IF(events = running, GREATEST(@concurrency - running, 0), 0), \
             running = running + LEAST(VALUES(events), free), events = events + VALUES(events), \
             place = GREATEST(place + VALUES(events), VALUES(place)), changed_at = UTC_TIMESTAMP(6)",
        );
        [setting, count]
    }
}

impl Joined {
    /// Returns the number of the key.
    pub(crate) fn number(self) -> KeyNumber {
        self.number
    }
}

impl SqlBatch {
    /// Adds a condition: the event is not blocked.
    pub(crate) fn is_free(&mut self, joined: Joined) -> &mut Self {
        self.count(joined.before).sql("<(SELECT free FROM EventKeys WHERE number=");
        self.number(joined.number.get()).sql(")")
    }

    /// Adds the position of the event among the blocked events of its key.
    pub(crate) fn blocked_place(&mut self, joined: Joined, joining: &Joining) -> &mut Self {
        let after = joining.0.get(&joined.number).map_or(0, |events| events - 1 - joined.before);
        self.sql("TIMESTAMP'1970-01-01 00:00:00'+INTERVAL (SELECT place FROM EventKeys WHERE number=");
        self.number(joined.number.get()).sql(")-").count(after).sql(" MICROSECOND")
    }
}

/// Reads whether events may have keys.
pub(crate) struct ReadKeySettings;

impl Operation for ReadKeySettings {
    const NAME: OperationName = OperationName::ReadKeySettings;
    const PATIENT: bool = true;
    type Output = bool;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        Ok(!SqlBatch::new("SELECT concurrency FROM KeySettings").rows(connection).await?.is_empty())
    }
}
