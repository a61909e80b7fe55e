//! A program that is checked, as a process: started with a group's variables, ended by signals.

use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::report::{Broken, Checked, hold};

/// What a program is given as `DRAIN_SECONDS`. A producer has a small part of it for its last answers: so much that this part is
/// seconds, on a machine on which it may be kept waiting.
pub(crate) const DRAIN_SECONDS: u64 = 20;
/// What its end may take beyond that.
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
            // What a killed one leaves is free again soon.
            .env("LEASE_SECONDS", "5")
            .stdin(Stdio::null())
            // Its output is not the report.
            .stdout(std::io::stderr())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { child })
    }

    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        let pid = pid.ok_or_else(|| anyhow::anyhow!("the program has ended by itself"))?;
        Ok(kill_process(pid, signal)?)
    }

    /// Ends it as the kernel would.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// That it still runs.
    pub(crate) fn lives(&mut self) -> Checked {
        let ended = self.child.try_wait()?;
        hold(ended.is_none(), "the program to run on", format!("it ended with {}", shown(ended)))
    }

    /// Asks it to end, and sees that it does: in time, and with code 0.
    pub(crate) async fn drain(mut self) -> Checked {
        self.signal(Signal::TERM)?;
        let limit = Duration::from_secs(DRAIN_SECONDS) + GRACE;
        let ended = timeout(limit, self.child.wait()).await.ok().transpose()?;
        hold(
            ended.is_some_and(|status| status.success()),
            format!("SIGTERM to end the program with code 0 within {} s", limit.as_secs()),
            shown(ended),
        )
    }
}

fn shown(ended: Option<ExitStatus>) -> String {
    ended.map_or_else(|| "it runs on".to_owned(), |status| status.to_string())
}

/// Asks every 20 ms until there is an answer, or says what was expected.
pub(crate) async fn within<T>(
    limit: Duration,
    expected: &str,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Result<T, String>>,
) -> Result<T, Broken> {
    let deadline = tokio::time::Instant::now() + limit;
    loop {
        match ask().await? {
            Ok(answer) => return Ok(answer),
            Err(came) if tokio::time::Instant::now() >= deadline => {
                let expected = format!("{expected} within {} s", limit.as_secs());
                return Err(Broken::Clause { expected, came });
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
