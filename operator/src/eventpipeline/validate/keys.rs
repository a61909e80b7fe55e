//! Rules for events with a key.

use eventpipeline_crds as crd;
use serde_json::json;

/// Highest concurrency per key.
const MOST: i32 = 65_535;

/// A rule that `keys` breaks.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(in crate::eventpipeline) enum Error {
    #[error("`concurrency` of `keys` is {concurrency} and must be from 1 to {MOST}")]
    Concurrency { concurrency: i32 },
}

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::eventpipeline) struct Keys {
    concurrency: i32,
    on_dead: crd::OnDead,
}

impl Keys {
    pub(super) fn new(&crd::Keys { concurrency, on_dead }: &crd::Keys) -> Result<Self, Error> {
        if (1..=MOST).contains(&concurrency) {
            Ok(Self { concurrency, on_dead })
        } else {
            Err(Error::Concurrency { concurrency })
        }
    }

    /// Returns the rules as compact JSON, as the schema Job reads them.
    pub(in crate::eventpipeline) fn json(self) -> String {
        json!({"concurrency": self.concurrency, "onDead": self.on_dead}).to_string()
    }
}
