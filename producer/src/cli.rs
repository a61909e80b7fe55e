//! The command line.

use clap::Parser;

use crate::metrics::NAME;
use crate::schema::SchemaArgs;
use crate::serve::ServeArgs;

/// Durable events over HTTP: an id at once, or the value once the event is processed.
#[derive(Debug, Parser)]
#[command(name = NAME, version)]
pub(crate) enum Cli {
    /// Serve the HTTP API, until SIGTERM
    Serve(Box<ServeArgs>),
    /// Bring the database's schema and users up to date, and wait for the database as long as it takes
    Schema(Box<SchemaArgs>),
    /// Print the OpenAPI description of the HTTP API
    #[command(name = "openapi")]
    OpenApi,
    /// Print every metric with its labels and their values, as Markdown
    Metrics,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    const SERVE: &str = "serve";
    const SCHEMA: &str = "schema";
    const OPENAPI: &str = "openapi";
    const METRICS: &str = "metrics";
    const DATABASE: [&str; 4] = ["--database-host", "db", "--database-password-file", "/dev/null"];

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&[NAME], arguments].concat())
    }

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_takes_the_database() {
        assert!(matches!(parse(&[&[SERVE], &DATABASE[..]].concat()), Ok(Cli::Serve(_))));
    }

    #[test]
    fn schema_takes_only_the_database() {
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
    fn commands_that_print_take_no_arguments() {
        assert!(matches!(parse(&[OPENAPI]), Ok(Cli::OpenApi)));
        assert!(matches!(parse(&[METRICS]), Ok(Cli::Metrics)));
        assert!(parse(&[&[OPENAPI], &DATABASE[..]].concat()).is_err());
    }

    #[test]
    fn a_command_and_the_database_are_required() {
        for incomplete in [&[][..], &[SERVE], &[SCHEMA], &DATABASE] {
            assert!(parse(incomplete).is_err(), "{incomplete:?}");
        }
    }
}
