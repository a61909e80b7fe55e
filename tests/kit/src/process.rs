//! A server process: its log, its signals, its end.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use crate::{error::Error, wait};

/// The extension of the files with pids for the guard ([`crate::folders`]).
pub(crate) const PID_FILE: &str = "guarded-pid";

/// Number of bytes of a log in an error.
const TAIL: u64 = 4096;

/// A server process. It is killed when this is dropped, together with its workers.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
    pid_file: PathBuf,
}

impl Process {
    /// Starts a program with its output in `NAME.log` in the folder.
    pub(crate) fn start(name: &'static str, folder: &Path, command: &Command) -> Result<Self, Error> {
        let log = folder.join(format!("{name}.log"));
        let pid_file = folder.join(format!("{name}.{PID_FILE}"));
        let output =
            File::options().create(true).append(true).open(&log).map_err(Error::io("open a log file"))?;
        let errors = output.try_clone().map_err(Error::io("open a log file"))?;
        // The shell writes its pid for the guard before it becomes the server, so that the guard knows every server.
        let child = Command::new("sh")
            .args(["-c", r#"echo $$ >"$0" && exec "$@""#])
            .arg(&pid_file)
            .arg(command.get_program())
            .args(command.get_args())
            .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(Error::io(format!("run {}", command.get_program().display())))?;
        Ok(Self { name, child, log, pid_file })
    }

    /// Waits until `ask` returns true, the process has ended, or the time is over.
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

    /// Ends the process by SIGTERM.
    pub(crate) async fn stop(mut self, within: Duration) -> Result<(), Error> {
        self.signal(Signal::TERM)?;
        self.end(within).await.map(drop)
    }

    /// Waits for the end of the process and returns its status.
    pub(crate) async fn end(&mut self, within: Duration) -> Result<ExitStatus, Error> {
        let ended = wait::until(within, async || self.child.try_wait().transpose()).await;
        match ended {
            Some(Ok(status)) => Ok(status),
            Some(Err(source)) => Err(Error::Io { action: format!("wait for {}", self.name), source }),
            None => Err(Error::NotStopped { name: self.name, within, log: self.log() }),
        }
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Error> {
        // An unreaped child keeps its pid: the signal cannot reach another process.
        kill_process(Pid::from_child(&self.child), signal)
            .map_err(|error| Error::io(format!("send {signal:?} to {}", self.name))(error.into()))
    }

    /// Stops the process (SIGSTOP), and returns when all of its threads have stopped: one of them receives the signal, and
    /// stops the others when it is scheduled.
    pub(crate) fn freeze(&self) -> Result<(), Error> {
        self.signal(Signal::STOP)?;
        // A process that has ended has stopped, too. NOWAIT leaves its status for a later wait.
        let still = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_child(&self.child)), still)
            .map(drop)
            .map_err(|error| Error::io(format!("wait until {} stands still", self.name))(error.into()))
    }

    /// Returns its pid, which is not reused until this is dropped.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the end of its log.
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
    /// Kills the process and its workers, which are in the same process group.
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.child);
        let unreaped = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // The id belongs to this group until the process is reaped. There is no caller to inform of errors.
        if waitid(WaitId::Pid(pid), unreaped).is_ok() {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.pid_file);
    }
}

/// Runs a program to its end. An error contains its output.
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
