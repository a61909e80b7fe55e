//! Errors with their causes, as they are shown to people.

use std::error::Error;
use std::fmt::Write as _;

/// Returns the error and all its causes in one line. A cause that its error already ends with is not repeated.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.ends_with(&cause) {
            // Writing to a string does not fail.
            let _ = write!(text, ": {cause}");
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fmt::{Display, Formatter, Result};

    use super::*;

    /// An error whose message ends with its cause, as those of some libraries do.
    #[derive(Debug)]
    struct Talkative(std::fmt::Error);

    impl Display for Talkative {
        fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
            write!(formatter, "failed to write: {}", self.0)
        }
    }

    impl Error for Talkative {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_cause_that_its_error_ends_with_is_not_repeated() {
        let error = Talkative(std::fmt::Error);
        assert_eq!(error_chain(&error), error.to_string());
    }
}
