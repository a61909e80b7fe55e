//! The conditions of a run: machine and versions.

use sqlx::{Connection as _, MySqlConnection};

use crate::system;

/// Returns the head of a file of figures.
pub(crate) async fn read() -> anyhow::Result<String> {
    let cores = std::thread::available_parallelism()?;
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let kibibytes = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.strip_suffix("kB"));
    let gibibytes = kibibytes.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or_default() >> 20;
    let mysql = system::mysql().await;
    let mut sql = MySqlConnection::connect(&mysql.url("")).await?;
    let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(&mut sql).await?;
    Ok(format!(
        "# Figures\n\n`make bench` writes this file; [README.md](README.md) describes what is measured, and what limits it.\n\n\
         {cores} cores, {gibibytes} GiB; MySQL {version}, the load, the producer and the consumer on the same machine.\n"
    ))
}
