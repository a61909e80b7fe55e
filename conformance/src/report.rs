//! The report of a run, as text and as `JUnit` XML.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::clause::Clause;

/// The reason why a clause is not proved.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The program does something else than the contract demands.
    Violated { expected: String, got: String },
    /// The check needs something that this run does not have.
    Skipped(&'static str),
    /// The kit itself failed.
    Kit(anyhow::Error),
}

macro_rules! kit_fails_with {
    ($($error:ty),+) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Kit(error.into())
            }
        }
    )+};
}

kit_fails_with!(anyhow::Error, eventpipeline_database::Error, sqlx::Error, std::io::Error, url::ParseError);

/// The result of a check.
pub(crate) type CheckResult = Result<(), Failure>;

/// Fails with what was expected and what was observed instead, unless the condition holds.
pub(crate) fn expect(holds: bool, expected: impl Into<String>, got: impl Into<String>) -> CheckResult {
    if holds { Ok(()) } else { Err(Failure::Violated { expected: expected.into(), got: got.into() }) }
}

struct Line {
    clause: Clause,
    what: &'static str,
    took: Duration,
    checked: CheckResult,
}

/// All checks of a run.
pub(crate) struct Report {
    subject: &'static str,
    lines: Vec<Line>,
}

impl Report {
    pub(crate) fn new(subject: &'static str) -> Self {
        Self { subject, lines: Vec::new() }
    }

    /// Runs a check and prints its result.
    pub(crate) async fn check(
        &mut self,
        clause: Clause,
        what: &'static str,
        check: impl Future<Output = CheckResult>,
    ) {
        let begun = Instant::now();
        let checked = check.await;
        let line = Line { clause, what, took: begun.elapsed(), checked };
        show(&line.text());
        self.lines.push(line);
    }

    /// Returns true if no check failed.
    pub(crate) fn passed(&self) -> bool {
        self.failures() == 0
    }

    pub(crate) fn summary(&self) {
        let (all, failed, skipped) = (self.lines.len(), self.failures(), self.skipped());
        let passed = all - failed - skipped;
        show(&format!("{}: {passed} passed, {failed} failed, {skipped} skipped", self.subject));
    }

    fn failures(&self) -> usize {
        self.lines.iter().filter(|line| line.failure().is_some()).count()
    }

    fn skipped(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line.checked, Err(Failure::Skipped(_)))).count()
    }

    /// Returns the report as `JUnit` XML: one test case per check, with the subject as its class.
    pub(crate) fn junit(&self) -> String {
        let (tests, failures, skipped) = (self.lines.len(), self.failures(), self.skipped());
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"eventpipeline-conformance {}\" \
             tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\">\n",
            self.subject
        );
        for line in &self.lines {
            xml.push_str(&line.case(self.subject));
        }
        xml.push_str("</testsuite>\n");
        xml
    }
}

impl Line {
    /// Returns what was expected and what was observed; `None` if the check passed or was skipped.
    fn failure(&self) -> Option<(&str, String)> {
        match &self.checked {
            Ok(()) | Err(Failure::Skipped(_)) => None,
            Err(Failure::Violated { expected, got }) => Some((expected, got.clone())),
            Err(Failure::Kit(error)) => Some(("the check to run", format!("{error:#}"))),
        }
    }

    fn text(&self) -> String {
        let Self { clause, what, took, checked } = self;
        match (self.failure(), checked) {
            (Some((expected, got)), _) => {
                format!(
                    "FAIL  {clause:<4} {what}\n           expected: {expected}\n           got:      {got}"
                )
            }
            (None, Err(Failure::Skipped(why))) => format!("skip  {clause:<4} {what}: {why}"),
            (None, _) => format!("ok    {clause:<4} {what} ({} ms)", took.as_millis()),
        }
    }

    fn case(&self, subject: &str) -> String {
        let name = escape(&format!("{} {}", self.clause, self.what));
        let mut xml = format!(
            "  <testcase classname=\"{subject}\" name=\"{name}\" time=\"{:.3}\">",
            self.took.as_secs_f64()
        );
        if let Some((expected, got)) = self.failure() {
            let (expected, got) = (escape(expected), escape(&got));
            // Writing to a string does not fail.
            let _ = write!(xml, "<failure message=\"expected {expected}\">got: {got}</failure>");
        }
        if let Err(Failure::Skipped(why)) = &self.checked {
            let _ = write!(xml, "<skipped message=\"{}\"/>", escape(why));
        }
        xml.push_str("</testcase>\n");
        xml
    }
}

/// Escapes text for XML, and replaces characters that XML does not allow.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(' '),
            character if character.is_control() => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}

#[expect(clippy::print_stdout, reason = "the report is the program's output")]
fn show(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failure_says_what_was_expected_and_what_came() {
        let mut report = Report::new("producer");
        report.check(Clause::P1, "counts", async { Ok(()) }).await;
        report
            .check(Clause::P3, "reports unknown events", async { expect(false, "404 & <message>", "200") })
            .await;
        report.check(Clause::P6, "waits", async { Err(Failure::Skipped("no consumer")) }).await;
        assert!(!report.passed());
        let xml = report.junit();
        assert!(xml.contains("tests=\"3\" failures=\"1\" skipped=\"1\""), "{xml}");
        let failure = "<failure message=\"expected 404 &amp; &lt;message&gt;\">got: 200</failure>";
        assert!(xml.contains(failure), "{xml}");
        assert!(report.lines[1].text().contains("P3") && report.lines[1].text().contains("got:      200"));
    }
}
