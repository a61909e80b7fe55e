//! A killed test process leaves nothing behind.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "helpers of tests")]

use std::{
    env,
    io::{BufRead as _, BufReader},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use eventpipeline_testkit::{ApiServer, Database, Engine};

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
    assert!(folder.exists());

    victim.kill().expect("kill -9");
    victim.wait().expect("its end");

    let deadline = Instant::now() + Duration::from_mins(1);
    while folder.exists() || TcpStream::connect(("127.0.0.1", port)).is_ok() {
        assert!(Instant::now() < deadline, "{} or port {port} is still there", folder.display());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn wait_for_the_end() {
    let database = Database::shared(Engine::MariaDb).await;
    let kubeconfig = ApiServer::shared().await.kubeconfig();
    let folder = kubeconfig.parent().expect("its folder");
    println!("VICTIM {} {}", database.port(), folder.display());
    std::future::pending::<()>().await;
}
