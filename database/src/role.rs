//! The kinds of programs that use the database.

use crate::operations::OperationName;

/// A kind of program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Creates events, shows them, changes them at a user's request, and removes old ones.
    Producer,
    /// Claims events and settles them.
    Consumer,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 2] = [Self::Producer, Self::Consumer];

    /// Returns the prefix of the names of the role's database users.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Producer => "eventpipeline_producer_",
            Self::Consumer => "eventpipeline_consumer_",
        }
    }

    /// Returns whether programs of this role execute an operation.
    pub(crate) fn executes(self, operation: OperationName) -> bool {
        match operation {
            OperationName::Create
            | OperationName::TakeIds
            | OperationName::ReadKeySettings
            | OperationName::ReadEvents
            | OperationName::ReadEvent
            | OperationName::List
            | OperationName::Count
            | OperationName::CountByState
            | OperationName::Remove
            | OperationName::ReadClock
            | OperationName::ReadReusable
            | OperationName::CountRequiredRows
            | OperationName::Retry
            | OperationName::Cancel => self == Self::Producer,
            OperationName::Claim
            | OperationName::TakeRange
            | OperationName::FindDue
            | OperationName::ReadLane
            | OperationName::Complete
            | OperationName::Fail
            | OperationName::Release
            | OperationName::Extend
            | OperationName::Reclaim
            | OperationName::RepairKeys
            | OperationName::UpdatePulse => self == Self::Consumer,
            OperationName::ReadDemotion | OperationName::ReadVersion | OperationName::ReadCompatibility => {
                true
            }
            // Only tests and tools execute it.
            OperationName::Ping => false,
        }
    }
}
