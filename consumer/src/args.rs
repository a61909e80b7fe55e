//! Arguments of the service, and whether they fit together.

use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use eventpipeline_database::{DatabaseArgs, MaxAttempts};
use eventpipeline_service::{ServiceArgs, WakeupArgs};

use crate::handlers::HandlerArgs;
use crate::journal::JournalArgs;
use crate::retry::RetryPolicy;

/// The longest that anything may be told to take: a day.
const DAY: i64 = 86_400;

/// The arguments as they are given.
#[derive(Debug, Args)]
struct Given {
    /// Who claims, as the table's `owner` column says it
    #[arg(long, env = "POD_NAME", default_value = "local")]
    pod_name: String,
    /// How many events are handled at once
    #[arg(long, env = "CONCURRENCY", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,
    /// Seconds after which the events of a consumer that died are free for others
    #[arg(long, env = "LEASE_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=DAY))]
    lease_seconds: u32,
    /// How often an event is tried before it is dead
    #[arg(long, env = "MAX_ATTEMPTS", default_value = "25", value_parser = max_attempts)]
    max_attempts: MaxAttempts,
    /// Seconds until an event whose first attempt failed is tried again; each further attempt doubles them
    #[arg(long, env = "BACKOFF_SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=DAY))]
    backoff_seconds: u32,
    /// The most that these seconds become
    #[arg(long, env = "BACKOFF_MAX_SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=DAY))]
    backoff_max_seconds: u32,
    /// Seconds that a handler may take for an event; less than the lease, of which it is half if not set
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

/// Arguments that fit together.
#[derive(Debug)]
pub(crate) struct ServeArgs {
    pub(crate) pod_name: String,
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

impl Given {
    fn check(self) -> Result<ServeArgs, String> {
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

impl FromArgMatches for ServeArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let wrong = |message| clap::Error::raw(ErrorKind::ValueValidation, message);
        Given::from_arg_matches(matches)?.check().map_err(wrong)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// So long by default that an event may take the longest time that it may take by default, half of the lease's default: handlers
/// have four fifths of it.
fn draining(command: Command) -> Command {
    command.mut_arg("drain_seconds", |argument| argument.default_value("50"))
}

impl Args for ServeArgs {
    fn augment_args(command: Command) -> Command {
        draining(Given::augment_args(command))
    }

    fn augment_args_for_update(command: Command) -> Command {
        draining(Given::augment_args_for_update(command))
    }
}
