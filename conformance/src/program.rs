//! The checked program as a process: started with a group's variables, ended by signals.

use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::report::{CheckResult, Failure, expect};

/// The program's `DRAIN_SECONDS`. A producer has only a small part of it for its last responses, which must suffice on a busy
/// machine.
pub(crate) const DRAIN_SECONDS: u64 = 20;
/// Additional time for the program to end.
const GRACE: Duration = Duration::from_secs(10);

/// A running program. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
}

impl Program {
    /// Runs the command with the variables of a group (docs/contracts/pods.md), on top of the kit's own.
    pub(crate) fn start(command: &[OsString], variables: &[(&str, String)]) -> anyhow::Result<Self> {
        let [program, arguments @ ..] = command else { anyhow::bail!("a command must be given after `--`") };
        let child = Command::new(program)
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env("ADMIN_ADDRESS", "127.0.0.1:0")
            .env("WAKE_ADDRESS", "127.0.0.1:0")
            .env("DRAIN_SECONDS", DRAIN_SECONDS.to_string())
            // Claims of a killed program expire soon.
            .env("LEASE_SECONDS", "5")
            .stdin(Stdio::null())
            // Standard output is for the report.
            .stdout(std::io::stderr())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { child })
    }

    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        let pid = pid.ok_or_else(|| anyhow::anyhow!("the program has ended unexpectedly"))?;
        Ok(kill_process(pid, signal)?)
    }

    /// Kills the program.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Checks that the program is running.
    pub(crate) fn is_running(&mut self) -> CheckResult {
        let ended = self.child.try_wait()?;
        expect(ended.is_none(), "the program to keep running", format!("it ended with {}", shown(ended)))
    }

    /// Sends SIGTERM, and checks that the program ends in time and with code 0.
    pub(crate) async fn drain(mut self) -> CheckResult {
        self.signal(Signal::TERM)?;
        let limit = Duration::from_secs(DRAIN_SECONDS) + GRACE;
        let ended = timeout(limit, self.child.wait()).await.ok().transpose()?;
        expect(
            ended.is_some_and(|status| status.success()),
            format!("SIGTERM to end the program with code 0 within {} s", limit.as_secs()),
            shown(ended),
        )
    }
}

fn shown(ended: Option<ExitStatus>) -> String {
    ended.map_or_else(|| "it is still running".to_owned(), |status| status.to_string())
}

/// Asks every 20 ms until there is an answer, and fails with the expectation after the limit.
pub(crate) async fn within<T>(
    limit: Duration,
    expected: &str,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Result<T, String>>,
) -> Result<T, Failure> {
    let deadline = tokio::time::Instant::now() + limit;
    loop {
        match ask().await? {
            Ok(answer) => return Ok(answer),
            Err(got) if tokio::time::Instant::now() >= deadline => {
                let expected = format!("{expected} within {} s", limit.as_secs());
                return Err(Failure::Violated { expected, got });
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
