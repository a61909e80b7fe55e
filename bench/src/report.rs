//! The report: each figure when it is measured, and a table at the end.

use std::fmt;

/// The target of a figure.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// The figure has no target.
    #[default]
    None,
}

/// A line of the report.
#[derive(Debug)]
struct Line {
    figure: String,
    value: f64,
    unit: &'static str,
    target: Target,
    note: String,
}

/// All figures so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Vec<Line>,
}

impl Report {
    /// Adds a figure and prints it.
    pub(crate) fn add(
        &mut self,
        figure: impl Into<String>,
        value: f64,
        unit: &'static str,
        target: Target,
        note: impl Into<String>,
    ) {
        let line = Line { figure: figure.into(), value, unit, target, note: note.into() };
        println!("{line}");
        self.lines.push(line);
    }

    /// Returns all figures as a table, and the number of targets that are met.
    pub(crate) fn summary(&self) -> String {
        let mut table = "| figure | value | target | | note |\n|---|---|---|---|---|\n".to_owned();
        for line in &self.lines {
            let met = line.met().map_or("", |met| if met { "met" } else { "**missed**" });
            let (value, unit, target) = (number(line.value), line.unit, line.target);
            let cells =
                [line.figure.trim(), &format!("{value} {unit}"), &target.to_string(), met, &line.note];
            table.extend(["| ", &cells.map(str::trim).join(" | "), " |\n"]);
        }
        let targets: Vec<bool> = self.lines.iter().filter_map(Line::met).collect();
        let met = targets.iter().filter(|met| **met).count();
        format!("{table}\nTargets: {met} of {} met.\n", targets.len())
    }
}

impl Line {
    fn met(&self) -> Option<bool> {
        match self.target {
            Target::AtLeast(least) => Some(self.value >= least),
            Target::AtMost(most) => Some(self.value <= most),
            Target::None => None,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { figure, value, unit, target, note } = self;
        write!(formatter, "{figure:<60} {:>10} {unit:<9} {target:<12} {note}", number(*value))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::AtLeast(least) => format!("≥ {}", number(*least)),
            Self::AtMost(most) => format!("≤ {}", number(*most)),
            Self::None => String::new(),
        };
        formatter.pad(&text)
    }
}

/// Formats a number with three digits, or three decimal places if it is small.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        medium if medium >= 10.0 => format!("{value:.1}"),
        small if small > 0.0 && small < 0.1 => format!("{value:.3}"),
        _ => format!("{value:.2}"),
    }
}
