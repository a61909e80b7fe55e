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

use crate::{error::Error, folders, or_panic, process::Process, wait::until};

/// Time limit for a log line, and for the end of a program.
const LIMIT: Duration = Duration::from_mins(5);

/// A running program that logs in JSON. Dropping it kills the program and removes its files.
#[derive(Debug)]
pub struct Program {
    name: &'static str,
    process: Process,
    log: PathBuf,
    // Fields are dropped in order: the folder must follow the process.
    _folder: TempDir,
}

impl Program {
    /// Runs a command, which starts with a path, with these environment variables and `LOG_FORMAT=json` only.
    ///
    /// # Panics
    /// If it cannot be run.
    pub fn start(name: &'static str, command: &[&str], environment: &[(&str, &str)]) -> Self {
        or_panic(name, Self::try_start(name, command, environment))
    }

    fn try_start(name: &'static str, command: &[&str], environment: &[(&str, &str)]) -> Result<Self, Error> {
        let folder = folders::folder(name)?;
        let mut env = Command::new("env");
        env.args(["-i", "LOG_FORMAT=json"]);
        env.args(environment.iter().map(|(key, value)| format!("{key}={value}")));
        env.args(command);
        let process = Process::start(name, folder.path(), &env)?;
        let log = folder.path().join(format!("{name}.log"));
        Ok(Self { name, process, log, _folder: folder })
    }

    /// Returns its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for a log line that contains `text`, and returns the first one.
    ///
    /// # Panics
    /// If no such line appears within a minute, with the log.
    pub async fn line(&self, text: &str) -> String {
        let find = async || {
            let log = self.log();
            whole_lines(&log).find(|line| line.contains(text)).map(str::to_owned)
        };
        let missing = || Error::NotLogged { name: self.name, text: text.to_owned(), log: self.log() };
        or_panic(self.name, until(LIMIT, find).await.ok_or_else(missing))
    }

    /// Waits for the address in a log line with `message`.
    ///
    /// # Panics
    /// If no such line appears within a minute.
    pub async fn address(&self, message: &str) -> SocketAddr {
        let line = self.line(message).await;
        let address = line.split("\"address\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let missing =
            || Error::NotLogged { name: self.name, text: "an address".to_owned(), log: line.clone() };
        or_panic(self.name, address.and_then(|address| address.parse().ok()).ok_or_else(missing))
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        or_panic(self.name, self.process.signal(Signal::TERM));
    }

    /// Sends SIGKILL.
    pub fn kill9(&self) {
        or_panic(self.name, self.process.signal(Signal::KILL));
    }

    /// Stops it (SIGSTOP).
    pub fn freeze(&self) {
        or_panic(self.name, self.process.freeze());
    }

    /// Ends [`Program::freeze`].
    pub fn thaw(&self) {
        or_panic(self.name, self.process.signal(Signal::CONT));
    }

    /// Returns its process id, for `/proc`.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Waits for its end and returns its status.
    ///
    /// # Panics
    /// If it does not end within a minute.
    pub async fn end(&mut self) -> ExitStatus {
        or_panic(self.name, self.process.end(LIMIT).await)
    }
}

/// Returns the complete lines of a log, without one that is being written.
pub fn whole_lines(log: &str) -> impl Iterator<Item = &str> {
    log.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'))
}
