//! The command line: the arguments of the operator, and commands that need no cluster.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser};
use eventpipeline_service::ServiceArgs;

use crate::controller::Scope;
use crate::eventpipeline::UserIds;
use crate::leadership::ElectionArgs;
use crate::metrics::NAME;
use crate::offline::{DiffArgs, LintArgs, RenderArgs};

/// Kubernetes operator for EventPipelines
#[derive(Debug, Parser)]
#[command(name = NAME, version)]
pub(crate) enum Cli {
    /// Reconcile EventPipelines until SIGTERM
    Serve(Box<RunArgs>),
    /// Print the CustomResourceDefinition as YAML
    Crd,
    /// Print the reference of the resource as Markdown
    Reference,
    /// Print the reference of the metrics as Markdown
    Metrics,
    /// Check EventPipelines without a cluster: report what the API server would reject and what would work
    /// badly
    Lint(LintArgs),
    /// Print the objects that the operator would apply as YAML, Secrets without their data
    Render(RenderArgs),
    /// Print what a change of EventPipelines would restart, scale, create and delete, and what would be
    /// rejected
    Diff(DiffArgs),
}

/// Arguments of the operator.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Default image of producers, consumers and schema Jobs; a pipeline can set another
    #[arg(long, env = "IMAGE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) image: String,
    /// Users and groups of the pods of pipelines
    #[arg(long, env = "USER_IDS", value_enum, default_value_t = UserIds::Fixed)]
    pub(crate) user_ids: UserIds,
    /// Namespaces whose pipelines the operator manages, separated by commas; empty means all namespaces
    #[arg(long, env = "WATCH_NAMESPACES", default_value = "", value_parser = Scope::parse)]
    pub(crate) watch_namespaces: Scope,
    /// Name of the pod, reported as the instance in Events and in the Lease
    #[arg(long, env = "POD_NAME", default_value = "local", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) pod_name: String,
    /// Interval of reading each pipeline's queue statistics, in seconds, 1 to 300
    #[arg(long, env = "OBSERVE_SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=300))]
    pub(crate) observe_seconds: u32,
    /// Maximum number of pipelines that restart their pods at the same time although their spec is unchanged,
    /// such as after an update of the operator; 0 means no limit
    #[arg(long, env = "MAX_ROLLOUTS", default_value_t = 10)]
    pub(crate) max_rollouts: usize,
    #[command(flatten)]
    pub(crate) election: ElectionArgs,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
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
