//! The folder of this test process, and a shell that removes it when the process ends, for whatever reason.
//!
//! Statics are never dropped, and a killed process drops nothing, so the process cannot clean up by itself. The shell waits
//! for the end of its standard input, which only this process holds open. Then it kills the process group of every server with
//! a pid file in the folder, and removes the folder.

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
  [ -e "$file" ] && kill -s KILL -- "-$(cat "$file")"
done
for _ in 1 2 3 4 5 6 7 8 9 10; do
  rm -rf "$1" && exit
  sleep 0.2
done
"#;

struct Root {
    path: PathBuf,
    _open: ChildStdin,
}

static ROOT: Mutex<Option<Root>> = Mutex::new(None);

/// Creates a folder for one server inside the folder of this process.
pub(crate) fn folder(prefix: &str) -> Result<TempDir, Error> {
    let mut root = ROOT.lock().unwrap_or_else(PoisonError::into_inner);
    let root = match &mut *root {
        Some(root) => root,
        none => none.insert(open()?),
    };
    tempfile::Builder::new()
        .prefix(&format!("{prefix}-"))
        .tempdir_in(&root.path)
        .map_err(Error::io(format!("make a folder in {}", root.path.display())))
}

fn open() -> Result<Root, Error> {
    let path = tempfile::Builder::new()
        .prefix("eventpipeline-test-")
        .tempdir()
        .map_err(Error::io("make a temporary folder"))?
        .keep();
    let open = guard(&path).map_err(Error::io("start a shell that cleans up"))?;
    Ok(Root { path, _open: open })
}

fn guard(path: &Path) -> std::io::Result<ChildStdin> {
    let mut child = Command::new("sh")
        .args(["-c", GUARD, "guard"])
        .arg(path)
        .arg(PID_FILE)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C must end only the tests. The shell cleans up after their end.
        .process_group(0)
        .spawn()?;
    child.stdin.take().ok_or_else(|| std::io::Error::other("the shell has no standard input"))
}
