//! The folder of this test process, and the shell that removes it when the process ends, however it ends.
//!
//! Values in statics are never dropped and a killed process drops nothing, so the clean-up cannot live in the process.
//! The shell waits for the end of its standard input, which is held here and by nobody else; then it kills every server
//! whose pid lies in the folder and removes the folder.

use std::{
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{ChildStdin, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use tempfile::TempDir;

use crate::{error::Error, process::PID_FILE};

const GUARD: &str = r#"
trap '' HUP INT TERM
read -r _
for file in "$1"/*/*."$2"; do
  [ -e "$file" ] && kill -9 "$(cat "$file")"
done
for _ in 1 2 3 4 5 6 7 8 9 10; do
  rm -rf "$1" && exit
  sleep 0.2
done
"#;

struct Room {
    path: PathBuf,
    _open: ChildStdin,
}

static ROOM: Mutex<Option<Room>> = Mutex::new(None);

/// A new folder for one server, inside the folder of this process.
pub(crate) fn folder(prefix: &str) -> Result<TempDir, Error> {
    let mut room = ROOM.lock().unwrap_or_else(PoisonError::into_inner);
    let room = match &mut *room {
        Some(room) => room,
        none => none.insert(open()?),
    };
    tempfile::Builder::new()
        .prefix(&format!("{prefix}-"))
        .tempdir_in(&room.path)
        .map_err(Error::io(format!("make a folder in {}", room.path.display())))
}

fn open() -> Result<Room, Error> {
    let path = tempfile::Builder::new()
        .prefix("eventpipeline-test-")
        .tempdir()
        .map_err(Error::io("make a temporary folder"))?
        .keep();
    let open = guard(&path).map_err(Error::io("start a shell that cleans up"))?;
    Ok(Room { path, _open: open })
}

fn guard(path: &Path) -> std::io::Result<ChildStdin> {
    let mut child = Command::new("sh")
        .args(["-c", GUARD, "guard"])
        .arg(path)
        .arg(PID_FILE)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C is for the tests: the shell sees their end and then does its work.
        .process_group(0)
        .spawn()?;
    child.stdin.take().ok_or_else(|| std::io::Error::other("the shell has no standard input"))
}
