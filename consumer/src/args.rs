//! Arguments of the service, and the check of their combination.

use std::time::Duration;

use clap::Args;
use eventpipeline_database::{DatabaseArgs, MaxAttempts};
use eventpipeline_service::{ServiceArgs, WakeupArgs};

use crate::handlers::HandlerArgs;
use crate::journal::JournalArgs;
use crate::retry::RetryPolicy;

/// Maximum of every duration: a day.
const DAY: i64 = 86_400;

/// Arguments that are valid on their own. By default, draining takes as long as an event may take by default,
/// which is half of the lease's default, and handlers have four fifths of it.
#[derive(Debug, Args)]
#[command(mut_arg("drain_seconds", |argument| argument.default_value("50")))]
pub(crate) struct RawArgs {
    /// Name of this consumer in the table's `owner` column
    #[arg(long, env = "POD_NAME", default_value = "local")]
    pod_name: String,
    /// Name of the lane from which events are claimed, as in LANES of `eventpipeline-producer schema`. If not set, the events
    /// that belong to no lane are claimed
    #[arg(long, env = "LANE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    lane: Option<String>,
    /// Maximum number of events that are handled at the same time
    #[arg(long, env = "CONCURRENCY", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,
    /// Duration of a lease in seconds: when a consumer dies, others get its events after this time
    #[arg(long, env = "LEASE_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=DAY))]
    lease_seconds: u32,
    /// Maximum number of attempts, after which an event is dead
    #[arg(long, env = "MAX_ATTEMPTS", default_value = "25", value_parser = max_attempts)]
    max_attempts: MaxAttempts,
    /// Backoff after the first failed attempt, in seconds; it doubles with each further attempt
    #[arg(long, env = "BACKOFF_SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=DAY))]
    backoff_seconds: u32,
    /// Maximum backoff, in seconds
    #[arg(long, env = "BACKOFF_MAX_SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=DAY))]
    backoff_max_seconds: u32,
    /// Timeout of a handler in seconds, less than the lease; default: half of the lease
    #[arg(long, env = "HANDLER_TIMEOUT_SECONDS", value_parser = clap::value_parser!(u32).range(1..=DAY))]
    handler_timeout_seconds: Option<u32>,
    #[command(flatten)]
    handler: HandlerArgs,
    #[command(flatten)]
    journal: JournalArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    wakeups: WakeupArgs,
    #[command(flatten)]
    service: ServiceArgs,
}

fn max_attempts(text: &str) -> Result<MaxAttempts, String> {
    let number = text.parse().map_err(|error| format!("must be a number: {error}"))?;
    MaxAttempts::new(number).ok_or_else(|| "must be at least 1".to_owned())
}

/// Arguments whose combination is valid.
#[derive(Debug)]
pub(crate) struct ServeArgs {
    pub(crate) pod_name: String,
    /// Name of the lane; `None` for the default lane.
    pub(crate) lane: Option<String>,
    pub(crate) concurrency: usize,
    pub(crate) lease: Duration,
    pub(crate) retry: RetryPolicy,
    /// Less than the lease.
    pub(crate) handler_limit: Duration,
    pub(crate) handler: HandlerArgs,
    pub(crate) journal: JournalArgs,
    pub(crate) database: DatabaseArgs,
    pub(crate) wakeups: WakeupArgs,
    pub(crate) service: ServiceArgs,
}

impl RawArgs {
    /// Checks the combination of the arguments.
    pub(crate) fn check(self) -> Result<ServeArgs, String> {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let lease = seconds(self.lease_seconds);
        let handler_limit = self.handler_timeout_seconds.map_or(lease / 2, seconds);
        if handler_limit >= lease {
            return Err(format!(
                "HANDLER_TIMEOUT_SECONDS {} must be less than LEASE_SECONDS {}",
                handler_limit.as_secs(),
                self.lease_seconds
            ));
        }
        if self.backoff_seconds > self.backoff_max_seconds {
            return Err(format!(
                "BACKOFF_SECONDS {} must be at most BACKOFF_MAX_SECONDS {}",
                self.backoff_seconds, self.backoff_max_seconds
            ));
        }
        self.handler.check()?;
        Ok(ServeArgs {
            pod_name: self.pod_name,
            lane: self.lane,
            concurrency: self.concurrency.into(),
            lease,
            retry: RetryPolicy {
                first: seconds(self.backoff_seconds),
                most: seconds(self.backoff_max_seconds),
                max_attempts: self.max_attempts,
            },
            handler_limit,
            handler: self.handler,
            journal: self.journal,
            database: self.database,
            wakeups: self.wakeups,
            service: self.service,
        })
    }
}
