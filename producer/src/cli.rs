//! The command line: without a command the arguments of the service; `schema` with its own; `openapi` and `metrics`
//! without any.

use clap::Subcommand;
use eventpipeline_service::{Invocation, Serves};

use crate::instruments;
use crate::schema::SchemaArgs;
use crate::serve::ServeArgs;

/// What the process is to do.
pub(crate) type Cli = Invocation<ServeArgs, Command>;

/// What it does besides serving the HTTP API.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring the database's schema and users up to date, waiting for the database as long as it takes
    Schema(Box<SchemaArgs>),
    /// Print the OpenAPI description of the HTTP API
    #[command(name = "openapi")]
    OpenApi,
    /// Print every metric, with its labels and their values, as Markdown
    Metrics,
}

impl Serves for ServeArgs {
    const NAME: &'static str = instruments::NAME;
    const ABOUT: &'static str =
        "Durable events over HTTP: an id at once, or the answer once the event is processed";
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    const SCHEMA: &str = "schema";
    const OPENAPI: &str = "openapi";
    const METRICS: &str = "metrics";
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
        assert!(matches!(parse(&[&[SCHEMA], &DATABASE[..]].concat()), Ok(Cli::Run(Command::Schema(_)))));
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
        assert!(matches!(parse(&[OPENAPI]), Ok(Cli::Run(Command::OpenApi))));
        assert!(matches!(parse(&[METRICS]), Ok(Cli::Run(Command::Metrics))));
        assert!(parse(&[&[OPENAPI], &DATABASE[..]].concat()).is_err());
    }

    #[test]
    fn both_need_the_database() {
        assert!(parse(&[]).is_err());
        assert!(parse(&[SCHEMA]).is_err());
    }
}
