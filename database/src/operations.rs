//! Names of the queue's operations, for messages and as a label of metrics.

use strum::{AsRefStr, IntoStaticStr, VariantArray};

/// An operation, named by a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsRefStr, IntoStaticStr, VariantArray)]
pub(crate) enum OperationName {
    #[strum(serialize = "create events")]
    Create,
    #[strum(serialize = "take a block of ids")]
    TakeIds,
    #[strum(serialize = "claim events")]
    Claim,
    #[strum(serialize = "take a range of the backlog")]
    TakeRange,
    #[strum(serialize = "look for due events")]
    FindDue,
    #[strum(serialize = "look for its lane")]
    ReadLane,
    #[strum(serialize = "read the rules for keys")]
    ReadKeySettings,
    #[strum(serialize = "repair keys")]
    RepairKeys,
    #[strum(serialize = "complete events")]
    Complete,
    #[strum(serialize = "fail events")]
    Fail,
    #[strum(serialize = "release events")]
    Release,
    #[strum(serialize = "extend leases")]
    Extend,
    #[strum(serialize = "reclaim events")]
    Reclaim,
    #[strum(serialize = "keep the pulse")]
    UpdatePulse,
    #[strum(serialize = "read the clock")]
    ReadClock,
    #[strum(serialize = "remove events")]
    Remove,
    #[strum(serialize = "read events")]
    ReadEvents,
    #[strum(serialize = "read an event")]
    ReadEvent,
    #[strum(serialize = "list events")]
    List,
    #[strum(serialize = "count the events")]
    Count,
    #[strum(serialize = "count events by state")]
    CountByState,
    #[strum(serialize = "retry an event")]
    Retry,
    #[strum(serialize = "cancel an event")]
    Cancel,
    #[strum(serialize = "read the reusable space")]
    ReadReusable,
    #[strum(serialize = "ping the database")]
    Ping,
    #[strum(serialize = "ask whether the database takes writes")]
    ReadDemotion,
    #[strum(serialize = "look for rows that must be there")]
    CountRequiredRows,
    #[strum(serialize = "read the schema's version")]
    ReadVersion,
    #[strum(serialize = "read the schema's compatibility")]
    ReadCompatibility,
}

impl OperationName {
    /// Returns whether it reads few rows, so that a slow answer shows an unhealthy server.
    pub(crate) fn is_quick(self) -> bool {
        !matches!(self, Self::CountByState | Self::List | Self::Reclaim | Self::Remove | Self::RepairKeys)
    }
}
