//! A program of the product as a process: its addresses, its log, its signals and its end.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Command, ExitStatus},
    time::Duration,
};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{error::Error, or_panic, process::Process, room, wait::until};

/// How long a line may take to be logged, and a program to end.
const LIMIT: Duration = Duration::from_mins(1);

/// A running program that logs in JSON. Killed, and its files gone, when this is dropped.
#[derive(Debug)]
pub struct Program {
    name: &'static str,
    process: Process,
    log: PathBuf,
    // After the process: fields are dropped in order.
    _folder: TempDir,
}

impl Program {
    /// Runs a command, its path first, with these environment variables on top of `LOG_FORMAT=json`, and no other variable of the product.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn start(name: &'static str, command: &[&str], environment: &[(&str, &str)]) -> Self {
        or_panic(name, Self::try_start(name, command, environment))
    }

    fn try_start(name: &'static str, command: &[&str], environment: &[(&str, &str)]) -> Result<Self, Error> {
        let folder = room::folder(name)?;
        let mut env = Command::new("env");
        env.args(["-i", "LOG_FORMAT=json"]);
        env.args(environment.iter().map(|(key, value)| format!("{key}={value}")));
        env.args(command);
        let process = Process::start(name, folder.path(), &env)?;
        let log = folder.path().join(format!("{name}.log"));
        Ok(Self { name, process, log, _folder: folder })
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The first line that contains `text`, once there is one.
    ///
    /// # Panics
    /// When there is none within a minute, with the log.
    pub async fn line(&self, text: &str) -> String {
        let find = async || {
            let log = self.log();
            whole_lines(&log).find(|line| line.contains(text)).map(str::to_owned)
        };
        let missing = || Error::NotLogged { name: self.name, text: text.to_owned(), log: self.log() };
        or_panic(self.name, until(LIMIT, find).await.ok_or_else(missing))
    }

    /// The address that it logged with `message`.
    ///
    /// # Panics
    /// When there is none within a minute.
    pub async fn address(&self, message: &str) -> SocketAddr {
        let line = self.line(message).await;
        let address = line.split("\"address\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let missing =
            || Error::NotLogged { name: self.name, text: "an address".to_owned(), log: line.clone() };
        or_panic(self.name, address.and_then(|address| address.parse().ok()).ok_or_else(missing))
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        or_panic(self.name, self.process.signal(Signal::TERM));
    }

    /// Ends it as the kernel would (SIGKILL).
    pub fn kill9(&self) {
        or_panic(self.name, self.process.signal(Signal::KILL));
    }

    /// Stops it in mid-work (SIGSTOP).
    pub fn freeze(&self) {
        or_panic(self.name, self.process.freeze());
    }

    /// Lets it go on after [`Program::freeze`].
    pub fn thaw(&self) {
        or_panic(self.name, self.process.signal(Signal::CONT));
    }

    /// Its process id, to look at in `/proc`.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// How it ended, once it has.
    ///
    /// # Panics
    /// When it goes on for more than a minute.
    pub async fn end(&mut self) -> ExitStatus {
        or_panic(self.name, self.process.end(LIMIT).await)
    }
}

/// The lines of a log but one without an end, which is being written.
pub fn whole_lines(log: &str) -> impl Iterator<Item = &str> {
    log.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'))
}
