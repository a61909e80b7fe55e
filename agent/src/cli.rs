//! The command line: without a command the arguments of the service; `metrics` without any.

use clap::Subcommand;
use eventpipeline_service::{Invocation, Serves};

use crate::instruments;
use crate::serve::ServeArgs;

/// What the process is to do.
pub(crate) type Cli = Invocation<ServeArgs, Command>;

/// What it does besides serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print every metric, with its labels and their values, as Markdown
    Metrics,
}

impl Serves for ServeArgs {
    const NAME: &'static str = instruments::NAME;
    const ABOUT: &'static str = "How full the database's volume is, and with what";
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn it_serves_without_a_command() {
        let parse = |arguments: &[&str]| {
            Cli::try_parse_from([&["eventpipeline-agent"], arguments].concat()).map(|cli| format!("{cli:?}"))
        };
        assert!(parse(&[]).unwrap().starts_with("Serve"));
        assert!(parse(&["metrics"]).unwrap().starts_with("Run"));
        assert!(parse(&["metrics", "--data-folder", "/"]).is_err());
    }
}
