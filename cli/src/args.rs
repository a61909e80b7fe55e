//! The command line.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::Timestamp;
use url::Url;

/// Create, inspect and change the events of a pipeline
///
/// Exit codes: 0 success; 1 the request was refused, or the event ended without a value; 2 invalid arguments; 3 no such event;
/// 4 the pipeline is unreachable or overloaded; 5 timeout.
#[derive(Debug, Parser)]
#[command(name = "eventpipeline", version)]
pub(crate) struct Cli {
    /// Address of the pipeline's API
    #[arg(long, env = "EVENTPIPELINE_URL", default_value = "http://127.0.0.1:8080", value_parser = http_url, hide_env_values = true, global = true)]
    pub(crate) url: Url,
    /// Output format: tables, or one JSON document per line
    #[arg(long, short, value_enum, default_value_t = Format::Table, global = true)]
    pub(crate) output: Format,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Output format of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create an event, or many from a file
    Create(Create),
    /// Show an event
    Get {
        /// Id of the event
        #[arg(value_parser = id)]
        id: u64,
    },
    /// Wait until an event is finished and print its value
    Watch {
        /// Id of the event
        #[arg(value_parser = id)]
        id: u64,
        /// Maximum wait, such as 30s or 5m (default: forever)
        #[arg(long, value_parser = duration)]
        timeout: Option<Duration>,
    },
    /// List events
    List {
        /// List only events in this state
        #[arg(long, value_enum)]
        state: Option<State>,
        /// Maximum number of events
        #[arg(long, default_value_t = 50, value_parser = |text: &str| number::<u32>(text, 1..=1000))]
        limit: u32,
        /// List all events
        #[arg(long, conflicts_with = "limit")]
        all: bool,
    },
    /// Retry dead or cancelled events
    #[command(group = ArgGroup::new("which").required(true))]
    Retry {
        /// Ids of the events
        #[arg(group = "which", value_parser = id)]
        ids: Vec<u64>,
        /// Retry all dead events
        #[arg(long, group = "which")]
        all_dead: bool,
    },
    /// Cancel pending events
    Cancel {
        /// Ids of the events
        #[arg(required = true, value_parser = id)]
        ids: Vec<u64>,
    },
    /// Remove finished events permanently
    Purge {
        /// State of the events to remove
        #[arg(long, value_enum)]
        state: Finished,
        /// Minimum age since the event finished, such as 7d or 12h
        #[arg(long, value_parser = duration)]
        older_than: Duration,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Show the number of events in each state
    Stats {
        /// Repeat every second
        #[arg(long)]
        watch: bool,
    },
    /// Check that the pipeline works: create an event, wait for its value and read it back
    ///
    /// The check is retried until the timeout while the pipeline is unreachable or overloaded.
    Selftest {
        /// Timeout of the whole check
        #[arg(long, default_value = "2m", value_parser = duration)]
        timeout: Duration,
    },
    /// Wait until the operator or a program of a pipeline is ready
    Ready {
        /// Address of its admin port, such as <http://10.1.2.3:9090>
        #[arg(value_name = "URL", value_parser = http_url)]
        program: Url,
        /// Maximum wait
        #[arg(long, default_value = "2m", value_parser = duration)]
        timeout: Duration,
    },
    /// Print shell completions: `eventpipeline completions bash > /etc/bash_completion.d/eventpipeline`
    Completions { shell: Shell },
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// JSON payload; `-` reads it from standard input
    #[arg(conflicts_with_all = ["payload_file", "batch"], allow_negative_numbers = true)]
    pub(crate) payload: Option<String>,
    /// File with the JSON payload
    #[arg(long, conflicts_with = "batch")]
    pub(crate) payload_file: Option<PathBuf>,
    /// File with one event per line: `{"type": "...", "key": "...", "payload": ..., "priority": 0, "notBefore": "..."}`, all optional
    #[arg(long, conflicts_with_all = ["sync", "event_type", "key", "priority", "not_before", "delay"])]
    pub(crate) batch: Option<PathBuf>,
    /// Wait for the value and print it
    #[arg(long)]
    pub(crate) sync: bool,
    /// Maximum wait, such as 10s
    #[arg(long, requires = "sync", value_parser = duration)]
    pub(crate) wait: Option<Duration>,
    /// Type, such as `order.created`, which decides which group of consumers processes the event
    #[arg(long = "type")]
    pub(crate) event_type: Option<String>,
    /// Key, such as `customer-7`: events with the same key are processed in the order of their creation
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Priority; each point equals one minute of waiting time
    #[arg(long, value_parser = |text: &str| number::<u8>(text, 0..=9))]
    pub(crate) priority: Option<u8>,
    /// Earliest time of processing, such as 2027-01-31T08:00:00Z
    #[arg(long)]
    pub(crate) not_before: Option<Timestamp>,
    /// Delay before processing, such as 90s
    #[arg(long, conflicts_with = "not_before", value_parser = duration)]
    pub(crate) delay: Option<Duration>,
    /// Requests with the same key create the event once (default: a random key for this command's retries)
    #[arg(long)]
    pub(crate) idempotency_key: Option<String>,
}

/// The states of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum State {
    Pending,
    Blocked,
    Processing,
    Done,
    Dead,
    Cancelled,
}

/// States of events that can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Finished {
    Done,
    Dead,
    Cancelled,
}

/// Returns the name of a value on the command line and in the API.
pub(crate) fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

fn number<T>(text: &str, range: RangeInclusive<T>) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("must be a number from {} to {}", range.start(), range.end()))
}

fn id(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "must be the id of an event, such as 42".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "must be a number with a unit, such as 90s, 5m, 12h or 7d".to_owned())
}

fn http_url(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("must be a URL: {error}"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(format!("must begin with http:// or https://, not {other}:")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_invalid_id_or_duration_is_refused_with_an_example() {
        for (arguments, example) in [
            (&["get", "abc"][..], "such as 42"),
            (&["cancel", "1", "x"], "such as 42"),
            (&["create", "--delay", "tomorrow"], "such as 90s"),
            (&["purge", "--state", "done", "--older-than", "7x"], "such as 90s"),
        ] {
            let refused =
                Cli::try_parse_from([&["eventpipeline"], arguments].concat()).unwrap_err().to_string();
            assert!(refused.contains(example), "{refused}");
        }
    }

    #[test]
    fn invalid_arguments_are_rejected() {
        for wrong in [
            &["create", "--wait", "5s"][..],
            &["create", "1", "--batch", "x"],
            &["create", "--priority", "10"],
            &["create", "--delay", "soon"],
            &["retry"],
            &["retry", "1", "--all-dead"],
            &["list", "--state", "lost"],
            &["purge", "--state", "pending", "--older-than", "1d"],
            &["--url", "ftp://x", "stats"],
            &["ready"],
            &["ready", "10.1.2.3:9090"],
            &["selftest", "--timeout", "soon"],
        ] {
            assert!(Cli::try_parse_from([&["eventpipeline"], wrong].concat()).is_err(), "{wrong:?}");
        }
        assert!(Cli::try_parse_from(["eventpipeline", "retry", "1", "2"]).is_ok());
        assert!(Cli::try_parse_from(["eventpipeline", "create", "-1.5"]).is_ok(), "a number is a payload");
    }
}
