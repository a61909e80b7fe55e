//! The kinds of faults, and which of them can happen at once.

use clap::ValueEnum;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    KillConsumer,
    KillProducer,
    KillDatabase,
    EndConsumer,
    EndProducer,
    FreezeConsumer,
    FreezeProducer,
    FreezeDatabase,
    CutNetwork,
    StallNetwork,
    SlowNetwork,
    /// Requests arrive, and the connections break before the responses.
    LoseResponses,
    /// A foreign transaction locks events.
    LockEvents,
    /// A foreign transaction locks the counter.
    LockCounter,
    /// A foreign transaction keeps a snapshot.
    KeepSnapshot,
    RefuseWrites,
    EndConnections,
    RefuseConnections,
    /// The database's clock steps, and later steps back.
    StepClock,
    /// The database's files cannot grow.
    FillDisk,
    ForgeWakeups,
    /// All programs are replaced, one at a time, by those of the current build.
    RollForward,
    /// All programs are replaced, one at a time, by those of the previous build.
    RollBack,
}

/// The kinds of an upgrade. A run contains them twice, because it has only some dozens of faults.
const ROLLS: [Kind; 2] = [Kind::RollForward, Kind::RollBack];

#[derive(PartialEq, Eq)]
enum Target {
    Consumer,
    Producer,
    Programs,
    Database,
    Clock,
    Network,
    Wakeups,
}

impl Kind {
    /// Returns the kinds of a run, with those of an upgrade or without.
    pub(super) fn all(upgrade: bool) -> Vec<Self> {
        if upgrade {
            return [Self::value_variants(), &ROLLS].concat();
        }
        Self::value_variants().iter().copied().filter(|kind| !ROLLS.contains(kind)).collect()
    }

    /// Returns true if one of two faults could end the other, or wait for it forever.
    pub(super) fn conflicts_with(self, other: Self) -> bool {
        let program = |target| matches!(target, Target::Consumer | Target::Producer | Target::Programs);
        let rolls = [self.target(), other.target()].contains(&Target::Programs);
        self.target() == other.target() || rolls && program(self.target()) && program(other.target())
    }

    fn target(self) -> Target {
        match self {
            Self::KillConsumer | Self::EndConsumer | Self::FreezeConsumer => Target::Consumer,
            Self::KillProducer | Self::EndProducer | Self::FreezeProducer => Target::Producer,
            Self::RollForward | Self::RollBack => Target::Programs,
            Self::CutNetwork | Self::StallNetwork | Self::SlowNetwork | Self::LoseResponses => {
                Target::Network
            }
            Self::ForgeWakeups => Target::Wakeups,
            Self::StepClock => Target::Clock,
            _ => Target::Database,
        }
    }
}
