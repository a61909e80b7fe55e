//! What was checked and what came out, for people and as `JUnit` XML.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::clause::Clause;

/// Why a clause does not hold, or is not known to.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The program does something else.
    Clause { expected: String, came: String },
    /// Nothing was found out: there is not what it takes.
    Skipped(&'static str),
    /// Nothing was found out: the kit itself failed.
    Kit(anyhow::Error),
}

macro_rules! kit_fails_with {
    ($($error:ty),+) => {$(
        impl From<$error> for Broken {
            fn from(error: $error) -> Self {
                Self::Kit(error.into())
            }
        }
    )+};
}

kit_fails_with!(anyhow::Error, eventpipeline_database::Error, sqlx::Error, std::io::Error, url::ParseError);

/// What a check says.
pub(crate) type Checked = Result<(), Broken>;

/// Holds `true`, or says what was expected and what came instead.
pub(crate) fn hold(holds: bool, expected: impl Into<String>, came: impl Into<String>) -> Checked {
    if holds { Ok(()) } else { Err(Broken::Clause { expected: expected.into(), came: came.into() }) }
}

struct Line {
    clause: Clause,
    what: &'static str,
    took: Duration,
    checked: Checked,
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

    /// Runs a check, and shows what it says.
    pub(crate) async fn check(
        &mut self,
        clause: Clause,
        what: &'static str,
        check: impl Future<Output = Checked>,
    ) {
        let begun = Instant::now();
        let checked = check.await;
        let line = Line { clause, what, took: begun.elapsed(), checked };
        show(&line.text());
        self.lines.push(line);
    }

    /// Whether every clause holds that was looked at.
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
        self.lines.iter().filter(|line| matches!(line.checked, Err(Broken::Skipped(_)))).count()
    }

    /// The same as `JUnit` XML: a test case a check, its class the subject, its name the clause and what it says.
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
    /// What was expected and what came; `None` where it holds or was not looked at.
    fn failure(&self) -> Option<(&str, String)> {
        match &self.checked {
            Ok(()) | Err(Broken::Skipped(_)) => None,
            Err(Broken::Clause { expected, came }) => Some((expected, came.clone())),
            Err(Broken::Kit(error)) => Some(("the check to run", format!("{error:#}"))),
        }
    }

    fn text(&self) -> String {
        let Self { clause, what, took, checked } = self;
        match (self.failure(), checked) {
            (Some((expected, came)), _) => {
                format!(
                    "FAIL  {clause:<4} {what}\n           expected: {expected}\n           came:     {came}"
                )
            }
            (None, Err(Broken::Skipped(why))) => format!("skip  {clause:<4} {what}: {why}"),
            (None, _) => format!("ok    {clause:<4} {what} ({} ms)", took.as_millis()),
        }
    }

    fn case(&self, subject: &str) -> String {
        let name = escape(&format!("{} {}", self.clause, self.what));
        let mut xml = format!(
            "  <testcase classname=\"{subject}\" name=\"{name}\" time=\"{:.3}\">",
            self.took.as_secs_f64()
        );
        if let Some((expected, came)) = self.failure() {
            let (expected, came) = (escape(expected), escape(&came));
            // Writing to a string does not fail.
            let _ = write!(xml, "<failure message=\"expected {expected}\">came: {came}</failure>");
        }
        if let Err(Broken::Skipped(why)) = &self.checked {
            let _ = write!(xml, "<skipped message=\"{}\"/>", escape(why));
        }
        xml.push_str("</testcase>\n");
        xml
    }
}

/// Text as XML has it, without what XML can't have.
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

#[expect(clippy::print_stdout, reason = "the report is what the program is for")]
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
            .check(Clause::P3, "knows what is not there", async { hold(false, "404 & <message>", "200") })
            .await;
        report.check(Clause::P6, "waits", async { Err(Broken::Skipped("no consumer")) }).await;
        assert!(!report.passed());
        let xml = report.junit();
        assert!(xml.contains("tests=\"3\" failures=\"1\" skipped=\"1\""), "{xml}");
        let failure = "<failure message=\"expected 404 &amp; &lt;message&gt;\">came: 200</failure>";
        assert!(xml.contains(failure), "{xml}");
        assert!(report.lines[1].text().contains("P3") && report.lines[1].text().contains("came:     200"));
    }
}
