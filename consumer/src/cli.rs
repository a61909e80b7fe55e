//! The command line: without a command the arguments of the service; `metrics` without any.

use clap::{ArgMatches, Args, Command, CommandFactory, FromArgMatches, Parser};

use crate::args::ServeArgs;

/// What the process is to do.
#[derive(Debug)]
pub(crate) enum Cli {
    /// Claim events and have them handled.
    Serve(Box<ServeArgs>),
    /// Print the reference of the metrics and end.
    Metrics,
}

const METRICS: &str = "metrics";

// By hand, because clap's derive has either required arguments or a subcommand that does without them, but not the
// two as the variants of one type.

impl Parser for Cli {}

impl CommandFactory for Cli {
    fn command() -> Command {
        ServeArgs::augment_args(Command::new("eventpipeline-consumer"))
            .version(env!("CARGO_PKG_VERSION"))
            .about("Claims events, has each handled, and writes its answer back")
            .subcommand(
                Command::new(METRICS)
                    .about("Print every metric, with its labels and their values, as Markdown"),
            )
            .args_conflicts_with_subcommands(true)
            .subcommand_negates_reqs(true)
    }

    fn command_for_update() -> Command {
        Self::command()
    }
}

impl FromArgMatches for Cli {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        match matches.subcommand() {
            Some((METRICS, _)) => Ok(Self::Metrics),
            _ => ServeArgs::from_arg_matches(matches).map(|args| Self::Serve(Box::new(args))),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn metrics_need_nothing() {
        assert!(matches!(Cli::try_parse_from(["consumer", METRICS]), Ok(Cli::Metrics)));
    }

    #[track_caller]
    fn message(further: &[&str]) -> Option<String> {
        let needed = ["consumer", "--database-host", "db", "--database-password-file", "/dev/null"];
        Cli::try_parse_from([&needed, further].concat()).err().map(|error| error.to_string())
    }

    #[test]
    fn handlers_need_their_addresses() {
        for (handler, url) in [("word-api", "--word-api-url"), ("http", "--handler-url")] {
            assert!(message(&["--handler", handler]).unwrap().contains(url));
            assert_eq!(message(&["--handler", handler, url, "http://words/"]), None);
        }
    }

    #[test]
    fn what_does_not_fit_together_is_said_without_secrets() {
        for (further, wrong) in [
            (
                &["--handler-timeout-seconds", "60"][..],
                "HANDLER_TIMEOUT_SECONDS 60 must be less than LEASE_SECONDS 60",
            ),
            (
                &["--backoff-seconds", "60", "--backoff-max-seconds", "30"],
                "BACKOFF_SECONDS 60 must be at most BACKOFF_MAX_SECONDS 30",
            ),
            (
                &["--handler-url", "ftp://me:S3CRET@host/"],
                "HANDLER_URL must begin with http:// or https://, not ftp:",
            ),
            (&["--word-api-url", "S3CRET"], "WORD_API_URL must be a URL: relative URL without a base"),
        ] {
            let message = message(further).unwrap();
            assert_eq!(message.lines().next(), Some(format!("error: {wrong}").as_str()));
        }
    }
}
