//! The promises of a pipeline, checked against the observations of its clients during faults.

mod checker;
mod clock;
mod history;

pub use checker::{Verdict, Violation, check};
pub use clock::ClockSteps;
pub use history::{
    Acknowledged, FinalState, History, Moment, QuietPhase, Read, Recorder, Row, Sample, StatsSample, now,
};
