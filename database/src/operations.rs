//! The names of what is done on the queue: in messages, and as a label of metrics.

use strum::{AsRefStr, IntoStaticStr, VariantArray};

use crate::accounts::Role;

/// What an operation does, as a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsRefStr, IntoStaticStr, VariantArray)]
pub(crate) enum OperationName {
    #[strum(serialize = "create events")]
    Create,
    #[strum(serialize = "claim events")]
    Claim,
    #[strum(serialize = "look for due events")]
    LookForDue,
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
    KeepPulse,
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
    LookForDemotion,
    #[strum(serialize = "look for rows that must be there")]
    LookForRows,
    #[strum(serialize = "read the schema's version")]
    ReadVersion,
    #[strum(serialize = "read the schema's compatibility")]
    ReadCompatibility,
}

impl OperationName {
    /// Whether it reads few rows, so that a server that takes long for it is not well.
    pub(crate) fn is_quick(self) -> bool {
        !matches!(self, Self::CountByState | Self::List | Self::Reclaim | Self::Remove)
    }
}

impl Role {
    /// What it does, of all that there is.
    pub(crate) fn operations(self) -> impl Iterator<Item = OperationName> {
        OperationName::VARIANTS.iter().copied().filter(move |name| match name {
            OperationName::Create
            | OperationName::ReadEvents
            | OperationName::ReadEvent
            | OperationName::List
            | OperationName::Count
            | OperationName::CountByState
            | OperationName::Remove
            | OperationName::ReadClock
            | OperationName::ReadReusable
            | OperationName::LookForRows
            | OperationName::Retry
            | OperationName::Cancel => self == Self::Producer,
            OperationName::Claim
            | OperationName::LookForDue
            | OperationName::Complete
            | OperationName::Fail
            | OperationName::Release
            | OperationName::Extend
            | OperationName::Reclaim
            | OperationName::KeepPulse => self == Self::Consumer,
            OperationName::LookForDemotion
            | OperationName::ReadVersion
            | OperationName::ReadCompatibility => true,
            // By tests and tools.
            OperationName::Ping => false,
        })
    }
}
