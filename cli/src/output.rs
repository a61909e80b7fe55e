//! Results on standard output, as tables or one JSON document per line, and progress on standard error.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::value::RawValue;

use crate::args::Format;
use crate::document::Document;
use crate::duration::rounded_up;
use crate::error::Error;
use crate::terminal::{escaped, one_line};

pub(crate) struct Output {
    format: Format,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    /// Prints a plain line or a JSON document. Scripts read values from the plain line, which is unchanged unless it goes to a
    /// terminal.
    pub(crate) fn line(&self, text: &str, json: &impl Display) -> Result<(), Error> {
        match self.format {
            Format::Table if std::io::stdout().is_terminal() => write(&escaped(text)),
            Format::Table => write(text),
            Format::Json => document(json),
        }
    }

    /// Prints the fields of an object, one per line.
    pub(crate) fn fields(&self, object: &Document) -> Result<(), Error> {
        if self.format == Format::Json {
            return document(object);
        }
        self.fields_except(&[], object)
    }

    #[expect(clippy::unused_self, reason = "where output goes is this type's affair")]
    fn fields_except(&self, hidden: &[&str], object: &Document) -> Result<(), Error> {
        let mut table = Table::new();
        table.load_style(NOTHING);
        for (name, value) in object.members().filter(|(name, _)| !hidden.contains(name)) {
            table.add_row(field(name, value));
        }
        write(&table.to_string())
    }

    /// Prints queue statistics: the numbers, then a row per lane and per type if the pipeline has several lanes.
    pub(crate) fn statistics(&self, stats: &Document) -> Result<(), Error> {
        if self.format == Format::Json {
            return document(stats);
        }
        self.fields_except(&["lanes", "types"], stats)?;
        let lanes = stats.list("lanes").unwrap_or_default();
        if lanes.len() > 1 {
            write("")?;
            self.rows(&lanes, &["lane", "pending", "scheduled"])?;
            write("")?;
            self.rows(&stats.list("types").unwrap_or_default(), &["lane", "type", "pending"])?;
        }
        Ok(())
    }

    /// Prints objects as rows with these fields as columns.
    pub(crate) fn rows(&self, objects: &[Document], fields: &[&str]) -> Result<(), Error> {
        if self.format == Format::Json {
            return objects.iter().try_for_each(document);
        }
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(fields.iter().map(|field| field.to_uppercase()));
        for object in objects {
            table.add_row(fields.iter().map(|field| object.member(field).map_or("-".to_owned(), cell)));
        }
        write(&table.to_string())
    }

    /// Returns a progress bar with this many steps, which is visible on a terminal if the work takes long.
    #[expect(clippy::unused_self, reason = "where output goes is this type's affair")]
    pub(crate) fn progress(&self, steps: Option<u64>) -> ProgressBar {
        if !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        match steps {
            Some(steps) => ProgressBar::new(steps).with_style(style("{bar:40} {pos}/{len} {eta}")),
            None => ProgressBar::new_spinner().with_style(style("{spinner} {pos} {elapsed}")),
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Formats seconds for people, rounded up so that a short time is never shown as none.
fn field(name: &str, value: &RawValue) -> [String; 2] {
    let duration = name.strip_suffix("Seconds").zip(serde_json::from_str(value.get()).ok());
    match duration.and_then(|(name, seconds)| Some((name, Duration::try_from_secs_f64(seconds).ok()?))) {
        Some((name, duration)) => [escaped(name).into_owned(), rounded_up(duration).to_string()],
        None => [escaped(name).into_owned(), cell(value)],
    }
}

/// Returns a string without its quotes, and any other JSON value as it is written.
fn cell(value: &RawValue) -> String {
    let json = value.get();
    match serde_json::from_str::<Option<String>>(json) {
        Ok(None) => "-".to_owned(),
        Ok(Some(text)) if text.is_empty() => "-".to_owned(),
        Ok(Some(text)) => escaped(&text).into_owned(),
        Err(_) => escaped(&one_line(json, true)).into_owned(),
    }
}

fn document(json: &impl Display) -> Result<(), Error> {
    write(&one_line(&json.to_string(), std::io::stdout().is_terminal()))
}

fn write(text: &str) -> Result<(), Error> {
    writeln!(std::io::stdout().lock(), "{text}").map_err(Error::Output)
}
