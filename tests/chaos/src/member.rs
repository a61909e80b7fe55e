//! A producer or consumer of the pipeline, which faults end and start again.

use eventpipeline_testkit::Program;
use tokio::sync::Mutex;

use crate::builds::Build;

/// The database's name.
pub(crate) const DATABASE: &str = "chaos";

pub(crate) struct Member {
    program: &'static str,
    settings: Vec<(&'static str, String)>,
    database_port: u16,
    running: Mutex<Running>,
}

struct Running {
    process: Program,
    build: &'static str,
    /// Logs of earlier processes, for the report of a broken promise.
    logs: Vec<String>,
}

impl Member {
    pub(crate) fn start(
        build: &Build,
        program: &'static str,
        settings: Vec<(&'static str, String)>,
        database_port: u16,
    ) -> Self {
        let process = launch(program, &build.serve(program), database_port, &settings);
        let running = Running { process, build: build.name, logs: Vec::new() };
        Self { program, settings, database_port, running: Mutex::new(running) }
    }

    /// Applies a signal to the running process.
    pub(crate) async fn with(&self, act: impl FnOnce(&Program)) {
        act(&self.running.lock().await.process);
    }

    /// Ends the process by `end`, waits for its end, and starts the program of `build`.
    pub(crate) async fn restart(&self, build: &Build, end: impl FnOnce(&Program)) {
        let mut running = self.running.lock().await;
        end(&running.process);
        running.process.end().await;
        let log = running.process.log();
        running.logs.push(log);
        running.process =
            launch(self.program, &build.serve(self.program), self.database_port, &self.settings);
        running.build = build.name;
    }

    /// Prints the logs of all processes of this member.
    #[expect(clippy::print_stdout, reason = "part of the report")]
    pub(crate) fn print_logs(&self) {
        let Ok(running) = self.running.try_lock() else { return };
        for log in running.logs.iter().chain([&running.process.log()]) {
            println!("--- {} (now {})\n{log}", self.program, running.build);
        }
    }
}

/// Starts a command with the settings of the database and these.
pub(crate) fn launch(
    name: &'static str,
    command: &[String],
    database_port: u16,
    settings: &[(&str, String)],
) -> Program {
    let port = database_port.to_string();
    let mut environment = vec![
        ("DATABASE_HOST", "127.0.0.1"),
        ("DATABASE_PORT", &port),
        ("DATABASE_NAME", DATABASE),
        ("DATABASE_USER", "root"),
        ("DATABASE_PASSWORD_FILE", "/dev/null"),
        ("ADMIN_ADDRESS", "127.0.0.1:0"),
    ];
    environment.extend(settings.iter().map(|(name, value)| (*name, value.as_str())));
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    Program::start(name, &command, &environment)
}
