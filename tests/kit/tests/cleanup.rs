//! Servers and their workers end with the test, even if it is killed.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "helpers of tests")]

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use eventpipeline_testkit::{ApiServer, Database, Engine, Program};

/// This variable is set in the process that the test kills.
const VICTIM: &str = "EVENTPIPELINE_TESTKIT_VICTIM";

#[tokio::test]
async fn a_killed_test_process_leaves_no_server_and_no_file() {
    if env::var_os(VICTIM).is_some() {
        return wait_for_the_end().await;
    }
    let mut victim = Command::new(env::current_exe().expect("this program"))
        .args(["--exact", "--nocapture", "a_killed_test_process_leaves_no_server_and_no_file"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the same test in a process of its own");
    let output = BufReader::new(victim.stdout.take().expect("its output"));
    let line = output.lines().map_while(Result::ok).find(|line| line.contains("VICTIM ")).expect("it is up");
    let mut words = line.split("VICTIM ").nth(1).expect("a message").split(' ');
    let port: u16 = words.next().and_then(|word| word.parse().ok()).expect("a port");
    let folder =
        Path::new(words.next().expect("a folder")).parent().expect("the folder around it").to_owned();
    let worker = words.next().expect("a worker's pid").to_owned();
    assert!(folder.exists() && runs(&worker));

    victim.kill().expect("kill -9");
    victim.wait().expect("its end");

    let deadline = Instant::now() + Duration::from_mins(1);
    while folder.exists() || TcpStream::connect(("127.0.0.1", port)).is_ok() || runs(&worker) {
        assert!(
            Instant::now() < deadline,
            "{}, port {port} or worker {worker} is still there",
            folder.display()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_dropped_program_takes_its_workers_with_it() {
    let (program, worker) = with_worker().await;
    assert!(runs(&worker));

    drop(program);

    let deadline = Instant::now() + Duration::from_mins(1);
    while runs(&worker) {
        assert!(Instant::now() < deadline, "worker {worker} is still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Starts a program with a worker that ignores its end, as that of nginx does, and returns the worker's pid.
async fn with_worker() -> (Program, String) {
    let program = Program::start("master", &["/bin/sh", "-c", "sleep 1000 & echo \"worker $!\"; wait"], &[]);
    let line = program.line("worker ").await;
    (program, line.trim_start_matches("worker ").to_owned())
}

/// Returns whether a process runs: one that no parent has reaped yet does not.
fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

async fn wait_for_the_end() {
    let database = Database::shared(Engine::MariaDb).await;
    let kubeconfig = ApiServer::shared().await.kubeconfig();
    let folder = kubeconfig.parent().expect("its folder");
    let (_program, worker) = with_worker().await;
    println!("VICTIM {} {} {worker}", database.port(), folder.display());
    std::future::pending::<()>().await;
}
