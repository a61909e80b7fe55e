//! The promises of a pipeline, checked on what clients saw while everything went wrong.

mod checker;
mod history;

pub use checker::{Verdict, Violation, check};
pub use history::{Acknowledged, Calm, History, Ledger, Moment, Read, Recorder, Rest, Row, Sample, now};
