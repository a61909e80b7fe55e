//! The command line: without a command the arguments of the service; `schema` with its own; `openapi` and `metrics`
//! without any.

use clap::{ArgMatches, Args, Command, CommandFactory, FromArgMatches, Parser};

use crate::schema::SchemaArgs;
use crate::serve::ServeArgs;

/// What the process is to do.
#[derive(Debug)]
pub(crate) enum Cli {
    /// Serve the HTTP API.
    Serve(Box<ServeArgs>),
    /// Bring the database's schema and users up to date and end.
    Schema(Box<SchemaArgs>),
    /// Print the API's description and end.
    OpenApi,
    /// Print the reference of the metrics and end.
    Metrics,
}

const SCHEMA: &str = "schema";
const OPENAPI: &str = "openapi";
const METRICS: &str = "metrics";

// By hand, because clap's derive has either required arguments or a subcommand that does without them, but not the
// two as the variants of one type.

impl Parser for Cli {}

impl CommandFactory for Cli {
    fn command() -> Command {
        let schema = Command::new(SCHEMA).about(
            "Bring the database's schema and users up to date, waiting for the database as long as it takes",
        );
        ServeArgs::augment_args(Command::new("eventpipeline-producer"))
            .version(env!("CARGO_PKG_VERSION"))
            .about("Durable events over HTTP: an id at once, or the answer once the event is processed")
            .subcommand(SchemaArgs::augment_args(schema))
            .subcommand(Command::new(OPENAPI).about("Print the OpenAPI description of the HTTP API"))
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
            Some((SCHEMA, matches)) => {
                SchemaArgs::from_arg_matches(matches).map(|args| Self::Schema(Box::new(args)))
            }
            Some((OPENAPI, _)) => Ok(Self::OpenApi),
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

    const DATABASE: [&str; 4] = ["--database-host", "db", "--database-password-file", "/dev/null"];

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["eventpipeline-producer"], arguments].concat())
    }

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn it_serves_without_a_command() {
        assert!(matches!(parse(&DATABASE), Ok(Cli::Serve(_))));
    }

    #[test]
    fn schema_takes_the_database_alone() {
        assert!(matches!(parse(&[&[SCHEMA], &DATABASE[..]].concat()), Ok(Cli::Schema(_))));
        assert!(parse(&[&[SCHEMA, "--listen-address", "127.0.0.1:1"], &DATABASE[..]].concat()).is_err());
    }

    #[test]
    fn users_need_a_generation_and_their_passwords() {
        let with = |further: &[&str]| parse(&[&[SCHEMA], &DATABASE[..], further].concat());
        assert!(with(&["--accounts-generation", "2", "--accounts-folder", "/x"]).is_ok());
        assert!(with(&["--accounts-generation", "2"]).is_err());
        assert!(with(&["--accounts-folder", "/x"]).is_err());
        assert!(with(&["--schema-user", "keeper"]).is_err());
    }

    #[test]
    fn what_prints_takes_nothing() {
        assert!(matches!(parse(&[OPENAPI]), Ok(Cli::OpenApi)));
        assert!(matches!(parse(&[METRICS]), Ok(Cli::Metrics)));
        assert!(parse(&[&[OPENAPI], &DATABASE[..]].concat()).is_err());
    }

    #[test]
    fn both_need_the_database() {
        assert!(parse(&[]).is_err());
        assert!(parse(&[SCHEMA]).is_err());
    }
}
