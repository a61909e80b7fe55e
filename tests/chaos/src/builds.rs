//! The builds whose programs take part: the current one, and for an upgrade the previous one.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

pub(crate) const PRODUCER: &str = "eventpipeline-producer";
pub(crate) const CONSUMER: &str = "eventpipeline-consumer";

/// A folder with a producer and a consumer of the same version.
pub(crate) struct Build {
    pub(crate) name: &'static str,
    folder: PathBuf,
    /// True if the programs have the subcommand `serve`; programs before it serve without one.
    has_serve: bool,
}

impl Build {
    fn open(name: &'static str, folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.canonicalize().with_context(|| format!("no folder {}", folder.display()))?;
        let mut has_serve = true;
        for program in [PRODUCER, CONSUMER] {
            let help = Command::new(folder.join(program)).arg("--help").output();
            let help = help.with_context(|| format!("failed to run {program} of {}", folder.display()))?;
            ensure!(help.status.success(), "{program} --help ended with {}", help.status);
            let help = String::from_utf8_lossy(&help.stdout);
            has_serve &= help.lines().any(|line| line.split_whitespace().next() == Some("serve"));
        }
        Ok(Self { name, folder, has_serve })
    }

    /// Returns the command that creates the tables.
    pub(crate) fn schema(&self) -> Vec<String> {
        vec![self.path(PRODUCER), "schema".to_owned()]
    }

    /// Returns the command that runs a program.
    pub(crate) fn serve(&self, program: &str) -> Vec<String> {
        let serve = self.has_serve.then(|| "serve".to_owned());
        [self.path(program)].into_iter().chain(serve).collect()
    }

    fn path(&self, program: &str) -> String {
        self.folder.join(program).display().to_string()
    }
}

pub(crate) struct Builds {
    pub(crate) current: Build,
    pub(crate) previous: Option<Build>,
}

impl Builds {
    pub(crate) fn open(current: &Path, previous: Option<&Path>) -> anyhow::Result<Self> {
        let previous = previous.map(|folder| Build::open("previous", folder)).transpose()?;
        Ok(Self { current: Build::open("current", current)?, previous })
    }

    /// Returns either build, as the number decides.
    pub(crate) fn pick(&self, roll: usize) -> &Build {
        self.previous.as_ref().filter(|_| roll % 2 == 1).unwrap_or(&self.current)
    }
}
