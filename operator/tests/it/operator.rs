//! The operator's program, as a process with the permissions of the chart.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use eventpipeline_testkit::{ApiProxy, ApiServer, whole_lines};
use tempfile::TempDir;

use super::cluster::until;

/// A running operator. It ends with this value or with the test's process.
pub(crate) struct Operator {
    shell: Child,
    open: Option<ChildStdin>,
    folder: TempDir,
}

/// Ends the program when standard input is closed, however the test's process ends.
const SHELL: &str = r#"
trap '' HUP INT
"$@" >"$LOG" 2>&1 &
echo "$!" >"$LOG.pid"
read -r _
kill "$!" 2>/dev/null
# One that was stopped hears nothing else.
kill -s CONT "$!" 2>/dev/null
wait "$!"
"#;

impl Operator {
    /// Starts an operator for one namespace, without waiting for its readiness.
    pub(crate) fn start(server: &ApiServer, namespace: &str) -> Self {
        Self::with(server, namespace, &[])
    }

    /// Starts it with further arguments.
    pub(crate) fn with(server: &ApiServer, namespace: &str, further: &[&str]) -> Self {
        Self::by(&server.kubeconfig(), namespace, further)
    }

    /// Starts it behind a proxy.
    pub(crate) fn through(proxy: &ApiProxy, namespace: &str) -> Self {
        Self::through_with(proxy, namespace, &[])
    }

    /// Starts it behind a proxy with further arguments.
    pub(crate) fn through_with(proxy: &ApiProxy, namespace: &str, further: &[&str]) -> Self {
        Self::by(&proxy.kubeconfig(), namespace, further)
    }

    fn by(kubeconfig_of_administrator: &Path, namespace: &str, further: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        // The administrator impersonates the operator.
        let theirs = fs::read_to_string(kubeconfig_of_administrator).unwrap();
        let ours = theirs.replace("user: {token:", "user: {as: eventpipeline-operator, token:");
        assert_ne!(theirs, ours);
        fs::write(&kubeconfig, ours).unwrap();
        let mut shell = Command::new("sh")
            .args(["-c", SHELL, "operator", env!("CARGO_BIN_EXE_eventpipeline-operator")])
            .args(["serve", "--watch-namespaces", namespace])
            .args(["--observe-seconds", "1"])
            .args(["--admin-address", "127.0.0.1:0", "--log-filter", "info,eventpipeline_operator=debug"])
            .env("IMAGE", "registry.example/eventpipeline:test")
            .args(further)
            .env("KUBECONFIG", kubeconfig)
            .env("LOG", folder.path().join("log"))
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let open = shell.stdin.take();
        Self { shell, open, folder }
    }

    /// Starts an operator for one namespace and waits for its readiness.
    pub(crate) async fn ready(server: &ApiServer, namespace: &str) -> Self {
        let operator = Self::start(server, namespace);
        operator.becomes_ready().await;
        operator
    }

    pub(crate) async fn becomes_ready(&self) {
        until("the operator to be ready", async || self.get("/readyz").filter(|text| text.contains(" 200 ")))
            .await;
    }

    /// Returns the address of the admin port once it is logged.
    fn admin(&self) -> Option<SocketAddr> {
        let log = self.log();
        let line = whole_lines(&log).find(|line| line.contains("the admin server listens"))?;
        line.split_once("address=")?.1.split_whitespace().next()?.parse().ok()
    }

    /// Returns the response of the admin port, including the status line.
    pub(crate) fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.admin()?).ok()?;
        stream.set_read_timeout(Some(Duration::from_mins(1))).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: operator\r\nconnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Returns the number of reconciliations with this result.
    pub(crate) fn reconciles(&self, result: &str) -> u64 {
        let metrics = self.get("/metrics").unwrap();
        let series = format!(
            "controller_runtime_reconcile_total{{controller=\"eventpipeline\",result=\"{result}\"}} "
        );
        metrics.lines().find_map(|line| line.strip_prefix(&series)).unwrap().parse().unwrap()
    }

    /// Returns the number of requests to the API server with this method, or with any method if it is empty.
    pub(crate) fn requests(&self, method: &str) -> u64 {
        let metrics = self.get("/metrics").unwrap();
        let series = |line: &&str| {
            line.starts_with("rest_client_requests_total{") && line.contains(&format!("method=\"{method}"))
        };
        let values = metrics.lines().filter(series).map(|line| line.rsplit(' ').next().unwrap());
        values.map(|value| value.parse::<u64>().unwrap()).sum()
    }

    /// Returns the value of a series, which is given with its labels.
    pub(crate) fn metric(&self, series: &str) -> Option<f64> {
        let metrics = self.get("/metrics")?;
        metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
    }

    /// Sends a signal such as `KILL` or `STOP` to the process.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = fs::read_to_string(self.folder.path().join("log.pid")).unwrap();
        let sent = Command::new("kill").args(["-s", signal, pid.trim()]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the operator's log\n{}", self.log());
        }
        drop(self.open.take());
        let _ = self.shell.wait();
    }
}
