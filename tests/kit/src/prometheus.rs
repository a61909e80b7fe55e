//! A dedicated Prometheus, and the tool that checks its rules.

use std::{fs, net::SocketAddr, path::Path, process::Command, time::Duration};

use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    binaries::Program,
    client,
    error::Error,
    folders, or_panic,
    process::{Process, run},
};

const START: Duration = Duration::from_mins(5);

/// A running Prometheus. Dropping it ends the process and removes its files.
#[derive(Debug)]
pub struct Prometheus {
    url: String,
    client: Client,
    _process: Process,
    // Fields are dropped in order: the folder must follow the process.
    _folder: TempDir,
}

impl Prometheus {
    /// Starts Prometheus with this configuration.
    ///
    /// # Panics
    /// If it does not start, with the end of its log.
    pub async fn start(configuration: &str) -> Self {
        or_panic("prometheus", Self::try_start(configuration).await)
    }

    async fn try_start(configuration: &str) -> Result<Self, Error> {
        let folder = folders::folder("prometheus")?;
        fs::write(folder.path().join("prometheus.yaml"), configuration).map_err(Error::io("write a file"))?;
        let mut command = Command::new(Program::Prometheus.find()?);
        command.args([
            "--config.file=prometheus.yaml",
            "--storage.tsdb.path=data",
            "--web.listen-address=127.0.0.1:0",
        ]);
        let mut process = Process::start("prometheus", folder.path(), &command)?;
        let log = folder.path().join("prometheus.log");
        process.ready(START, async || address(&log).is_some() && is_ready(&log)).await?;
        let url = address(&log).map_or_else(String::new, |address| format!("http://{address}"));
        Ok(Self { url, client: client(), _process: process, _folder: folder })
    }

    /// Returns the `data` of a response of its API.
    ///
    /// # Errors
    /// The error in the response, or of the request.
    pub async fn api(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, String> {
        let ask = async {
            let request = self.client.get(format!("{}/api/v1/{path}", self.url)).query(parameters);
            request.send().await?.json::<Value>().await
        };
        let mut answer = ask.await.map_err(|error| error.to_string())?;
        if answer["status"] == "success" { Ok(answer["data"].take()) } else { Err(answer.to_string()) }
    }

    /// Returns the series of an expression now, each with `metric` (its labels) and `value`.
    ///
    /// # Errors
    /// The errors of [`Prometheus::api`].
    pub async fn query(&self, expression: &str) -> Result<Vec<Value>, String> {
        let data = self.api("query", &[("query", expression)]).await?;
        Ok(data["result"].as_array().cloned().unwrap_or_default())
    }
}

/// Returns the address that it logs when it listens.
fn address(log: &Path) -> Option<SocketAddr> {
    let log = fs::read_to_string(log).ok()?;
    let line = log.lines().find(|line| line.contains("msg=\"Listening on\""))?;
    line.split("address=").nth(1)?.split_whitespace().next()?.parse().ok()
}

/// Returns true if it answers queries, which it rejects for a while after it listens.
fn is_ready(log: &Path) -> bool {
    fs::read_to_string(log).is_ok_and(|log| log.contains("Server is ready to receive web requests"))
}

/// Runs promtool and returns its output.
///
/// # Errors
/// The output of a failed run.
pub fn promtool<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<String, String> {
    let tool = || run(Command::new(Program::Promtool.find()?).args(arguments));
    tool().map_err(|error| error.to_string())
}
