//! One server process: its log, its signals, its end.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::{error::Error, wait};

/// The ending of the files that tell the guard ([`crate::room`]) whom to kill.
pub(crate) const PID_FILE: &str = "guarded-pid";

/// How much of a log an error shows.
const TAIL: u64 = 4096;

/// Killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
    pid_file: PathBuf,
}

impl Process {
    /// Starts a program whose output goes to `NAME.log` in the folder.
    pub(crate) fn start(name: &'static str, folder: &Path, command: &Command) -> Result<Self, Error> {
        let log = folder.join(format!("{name}.log"));
        let pid_file = folder.join(format!("{name}.{PID_FILE}"));
        let output =
            File::options().create(true).append(true).open(&log).map_err(Error::io("open a log file"))?;
        let errors = output.try_clone().map_err(Error::io("open a log file"))?;
        // The shell leaves its pid where the guard looks before it becomes the server: there is no moment in which a
        // server runs that the guard does not know.
        let child = Command::new("sh")
            .args(["-c", r#"echo $$ >"$0" && exec "$@""#])
            .arg(&pid_file)
            .arg(command.get_program())
            .args(command.get_args())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(Error::io(format!("run {}", command.get_program().display())))?;
        Ok(Self { name, child, log, pid_file })
    }

    /// Waits until `ask` has an answer, the process has ended or the time is over.
    pub(crate) async fn ready(
        &mut self,
        within: Duration,
        mut ask: impl AsyncFnMut() -> bool,
    ) -> Result<(), Error> {
        let name = self.name;
        let answer = wait::until(within, async || match self.child.try_wait() {
            Ok(Some(status)) => Some(Err(self.ended(status))),
            Ok(None) => ask().await.then_some(Ok(())),
            Err(source) => Some(Err(Error::Io { action: format!("wait for {name}"), source })),
        })
        .await;
        answer.unwrap_or_else(|| Err(Error::NotReady { name, within, log: self.log() }))
    }

    /// The orderly end (SIGTERM).
    pub(crate) async fn stop(mut self, within: Duration) -> Result<(), Error> {
        self.signal(Signal::TERM)?;
        self.end(within).await.map(drop)
    }

    /// How the process ended, once it has.
    pub(crate) async fn end(&mut self, within: Duration) -> Result<ExitStatus, Error> {
        let ended = wait::until(within, async || self.child.try_wait().transpose()).await;
        match ended {
            Some(Ok(status)) => Ok(status),
            Some(Err(source)) => Err(Error::Io { action: format!("wait for {}", self.name), source }),
            None => Err(Error::NotStopped { name: self.name, within, log: self.log() }),
        }
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Error> {
        // A child that nobody has waited for keeps its pid: the signal reaches it or its remains, never a stranger.
        kill_process(Pid::from_child(&self.child), signal)
            .map_err(|error| Error::io(format!("send {signal:?} to {}", self.name))(error.into()))
    }

    /// Stops it in mid-work (SIGSTOP), and returns when all of its threads stand still: the signal reaches one of them,
    /// which stops the others once it gets its turn.
    pub(crate) fn freeze(&self) -> Result<(), Error> {
        self.signal(Signal::STOP)?;
        // One that has ended stands still as well. Either is left to be seen by who waits for its end.
        let still = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_child(&self.child)), still)
            .map(drop)
            .map_err(|error| Error::io(format!("wait until {} stands still", self.name))(error.into()))
    }

    /// Its pid, which stays its own until this is dropped.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The end of what the server has written.
    fn log(&self) -> String {
        let read = || {
            let mut file = File::open(&self.log)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
            let mut tail = Vec::new();
            file.read_to_end(&mut tail)?;
            std::io::Result::Ok(String::from_utf8_lossy(&tail).into_owned())
        };
        read().unwrap_or_else(|error| format!("(no log: {error})"))
    }

    fn ended(&self, status: ExitStatus) -> Error {
        Error::Ended { name: self.name, status: status.to_string(), log: self.log() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left to tell; a process that has ended is no error.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.pid_file);
    }
}

/// Runs a program to its end; an error holds what it said.
pub(crate) fn run(command: &mut Command) -> Result<String, Error> {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let shown = words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    let output = command.stdin(Stdio::null()).output().map_err(Error::io(format!("run {shown}")))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let output = format!("{}{}", text(&output.stdout), text(&output.stderr));
    Err(Error::Command { command: shown, output: output.trim_end().to_owned() })
}
