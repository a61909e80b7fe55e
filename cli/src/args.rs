//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::Timestamp;
use url::Url;

/// Events of a pipeline, created, seen and changed from a shell
///
/// Exit codes: 0 done; 1 refused, or an event that ended without a value; 2 wrong arguments; 3 no such event; 4 the pipeline
/// cannot be reached or has no room; 5 a wait that ended first.
#[derive(Debug, Parser)]
#[command(name = "eventpipeline", version)]
pub(crate) struct Cli {
    /// Address of the pipeline's API
    #[arg(long, env = "EVENTPIPELINE_URL", default_value = "http://127.0.0.1:8080", value_parser = http_url, hide_env_values = true, global = true)]
    pub(crate) url: Url,
    /// Tables for people, or JSON for programs: a document a line
    #[arg(long, short, value_enum, default_value_t = Format::Table, global = true)]
    pub(crate) output: Format,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How results are written.
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
        /// Its id
        id: u64,
    },
    /// Wait until an event has ended, and print its value
    Watch {
        /// Its id
        id: u64,
        /// The longest wait, such as 30s or 5m
        #[arg(long, value_parser = humantime::parse_duration)]
        timeout: Option<Duration>,
    },
    /// List events
    List {
        /// Only those in this state
        #[arg(long, value_enum)]
        state: Option<State>,
        /// How many at the most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// All of them
        #[arg(long, conflicts_with = "limit")]
        all: bool,
    },
    /// Have dead or cancelled events tried again
    #[command(group = ArgGroup::new("which").required(true))]
    Retry {
        /// Their ids
        #[arg(group = "which")]
        ids: Vec<u64>,
        /// All dead ones
        #[arg(long, group = "which")]
        all_dead: bool,
    },
    /// Take pending events back
    Cancel {
        /// Their ids
        #[arg(required = true)]
        ids: Vec<u64>,
    },
    /// Remove finished events for good
    Purge {
        /// Which of them
        #[arg(long, value_enum)]
        state: Finished,
        /// How long ago they have ended at the least, such as 7d or 12h
        #[arg(long, value_parser = humantime::parse_duration)]
        older_than: Duration,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Show how many events are in which state
    Stats {
        /// Again every second
        #[arg(long)]
        watch: bool,
    },
    /// Prove that the pipeline works: create an event, wait for its value, read it back
    ///
    /// A pipeline that cannot be reached yet, or has no room, is asked again until the time is over.
    Selftest {
        /// How long all of it may take
        #[arg(long, default_value = "2m", value_parser = humantime::parse_duration)]
        timeout: Duration,
    },
    /// Wait until a program is ready: the operator, or one of a pipeline
    Ready {
        /// Its internal address, such as <http://10.1.2.3:9090>
        #[arg(value_name = "URL", value_parser = http_url)]
        program: Url,
        /// The longest wait
        #[arg(long, default_value = "2m", value_parser = humantime::parse_duration)]
        timeout: Duration,
    },
    /// Print completions for a shell: `eventpipeline completions bash > /etc/bash_completion.d/eventpipeline`
    Completions { shell: Shell },
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// JSON to go with the event; `-` reads it from standard input
    #[arg(conflicts_with_all = ["payload_file", "batch"], allow_negative_numbers = true)]
    pub(crate) payload: Option<String>,
    /// A file that holds it
    #[arg(long, conflicts_with = "batch")]
    pub(crate) payload_file: Option<PathBuf>,
    /// A file of events, one a line: `{"payload": ..., "priority": 0, "notBefore": "..."}`, all optional
    #[arg(long, conflicts_with_all = ["sync", "priority", "not_before", "delay"])]
    pub(crate) batch: Option<PathBuf>,
    /// Wait for the value and print it
    #[arg(long)]
    pub(crate) sync: bool,
    /// The longest wait, such as 10s
    #[arg(long, requires = "sync", value_parser = humantime::parse_duration)]
    pub(crate) wait: Option<Duration>,
    /// How urgent it is; a point is worth a minute of waiting in line
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=9))]
    pub(crate) priority: Option<u8>,
    /// When it is processed at the earliest, such as 2027-01-31T08:00:00Z
    #[arg(long)]
    pub(crate) not_before: Option<Timestamp>,
    /// How long it is not processed, such as 90s
    #[arg(long, conflicts_with = "not_before", value_parser = humantime::parse_duration)]
    pub(crate) delay: Option<Duration>,
    /// The same key creates once, however often; a random one if not given, for this command's own tries
    #[arg(long)]
    pub(crate) idempotency_key: Option<String>,
}

/// The states of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum State {
    Pending,
    Processing,
    Done,
    Dead,
    Cancelled,
}

/// Those in which it can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Finished {
    Done,
    Dead,
    Cancelled,
}

/// A value as it is written on the command line and in the API.
pub(crate) fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
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
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_arguments_are_refused() {
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
