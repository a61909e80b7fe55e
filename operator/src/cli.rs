//! The command line.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser};
use eventpipeline_service::ServiceArgs;

use crate::instruments::NAME;
use crate::offline::{DiffArgs, LintArgs, RenderArgs};

/// Runs what each EventPipeline asks for and reports the progress.
#[derive(Debug, Parser)]
#[command(name = NAME, version)]
pub(crate) enum Cli {
    /// Reconcile EventPipelines, until SIGTERM
    Serve(Box<RunArgs>),
    /// Print the resource definition as YAML
    Crd,
    /// Print every field of the resource, with its bounds, as Markdown
    Reference,
    /// Print every metric, with its labels and their values, as Markdown
    Metrics,
    /// Check EventPipelines without a cluster: what the API server would refuse, and what would work badly
    Lint(LintArgs),
    /// Print the objects that the operator would apply as YAML; Secrets without their data
    Render(RenderArgs),
    /// Print what a change of EventPipelines would restart, scale, create and remove, and what is refused
    Diff(DiffArgs),
}

/// Arguments of the operator.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Image of producers, consumers and schema Jobs, wherever a pipeline names no other
    #[arg(long, env = "IMAGE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) image: String,
    /// The one namespace whose pipelines are run; empty: those of all namespaces
    #[arg(long, env = "WATCH_NAMESPACE", default_value = "")]
    pub(crate) watch_namespace: String,
    /// Name that its Events carry
    #[arg(long, env = "POD_NAME", default_value = "local", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) pod_name: String,
    /// How often the queue of a pipeline is looked at, in seconds from 1 to 300
    #[arg(long, env = "OBSERVE_SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=300))]
    pub(crate) observe_seconds: u32,
    /// How many pipelines may restart their pods at once where nobody has changed their spec, as after an update of this
    /// program; 0: any number
    #[arg(long, env = "MAX_ROLLOUTS", default_value_t = 10)]
    pub(crate) max_rollouts: usize,
    #[command(flatten)]
    pub(crate) election: ElectionArgs,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
}

/// Which of several operators works.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "they are the names of the arguments")]
pub(crate) struct ElectionArgs {
    /// Namespace of the Lease that one operator at a time holds; without it, this one has to be the only one
    #[arg(long, env = "LEASE_NAMESPACE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) lease_namespace: Option<String>,
    /// Name of that Lease
    #[arg(long, env = "LEASE_NAME", default_value = "eventpipeline-operator", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) lease_name: String,
    /// Seconds after which another operator takes over from one that has gone without a word, from 3 to 300
    #[arg(long, env = "LEASE_SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u32).range(3..=300))]
    pub(crate) lease_seconds: u32,
}

impl ElectionArgs {
    /// The Lease as it stands in the status of the pipelines that its holder looks after.
    pub(crate) fn lease(&self) -> Option<String> {
        self.lease_namespace.as_ref().map(|namespace| format!("{namespace}/{}", self.lease_name))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&[NAME], arguments].concat())
    }

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_needs_the_image() {
        assert!(matches!(parse(&["serve", "--image", "eventpipeline:dev"]), Ok(Cli::Serve(_))));
        assert!(parse(&["serve"]).is_err());
        assert!(parse(&["serve", "--image", ""]).is_err());
    }

    #[test]
    fn commands_that_print_need_no_arguments() {
        assert!(matches!(parse(&["crd"]), Ok(Cli::Crd)));
        assert!(matches!(parse(&["metrics"]), Ok(Cli::Metrics)));
    }
}
