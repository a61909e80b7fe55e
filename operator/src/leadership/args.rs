//! Arguments of the leader election.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

/// Leader election.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "they are the names of the arguments")]
pub(crate) struct ElectionArgs {
    /// Namespace of the Lease for leader election; without it, this operator must be the only one
    #[arg(long, env = "LEASE_NAMESPACE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) lease_namespace: Option<String>,
    /// Name of the Lease
    #[arg(long, env = "LEASE_NAME", default_value = "eventpipeline-operator", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) lease_name: String,
    /// Seconds without a renewal after which another operator takes over, 3 to 300
    #[arg(long, env = "LEASE_SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u32).range(3..=300))]
    pub(crate) lease_seconds: u32,
}

impl ElectionArgs {
    /// Returns the Lease as `NAMESPACE/NAME`, as it is shown in the status of the pipelines that its holder
    /// manages.
    pub(crate) fn lease(&self) -> Option<String> {
        self.lease_namespace.as_ref().map(|namespace| format!("{namespace}/{}", self.lease_name))
    }
}
