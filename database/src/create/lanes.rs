//! The lanes of the events of one transaction.

use std::collections::BTreeMap;

use crate::event_type::EventType;
use crate::sql_batch::SqlBatch;

/// The types of the events. The lane of each is read once per transaction, into a variable with its number.
#[derive(Debug, Default)]
pub(super) struct Types<'a>(BTreeMap<&'a EventType, usize>);

impl<'a> Types<'a> {
    /// Adds the type of an event.
    pub(super) fn add(&mut self, event_type: &'a EventType) {
        let next = self.0.len();
        self.0.entry(event_type).or_insert(next);
    }

    /// Returns whether no event has a type.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the statements that read the lanes. They cannot change until the end of the transaction, so an event is never
    /// stored in a lane that it has left.
    pub(super) fn find_lanes(&self) -> Vec<SqlBatch> {
        let mut statements = Vec::new();
        if !self.is_empty() {
            let mut hold = SqlBatch::default();
            hold.hold_lanes();
            statements.push(hold);
        }
        for (event_type, variable) in &self.0 {
            let mut find = SqlBatch::default();
            find.find_lane(*variable, event_type);
            statements.push(find);
        }
        statements
    }

    /// Adds the columns `type` and `lane` of an event, each after a comma.
    pub(super) fn values(&self, batch: &mut SqlBatch, event_type: Option<&EventType>) {
        match event_type.and_then(|event_type| Some((event_type, self.0.get(event_type)?))) {
            Some((event_type, variable)) => {
                batch.sql(",").text(event_type.as_str()).sql(",@lane").count(*variable)
            }
            None => batch.sql(",NULL,0"),
        };
    }
}
