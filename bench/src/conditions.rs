//! Where the figures come from.

use sqlx::{Connection as _, MySqlConnection};

use crate::system;

/// The head of a file of figures.
pub(crate) async fn read() -> anyhow::Result<String> {
    let cores = std::thread::available_parallelism()?;
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let kibibytes = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.strip_suffix("kB"));
    let gibibytes = kibibytes.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or_default() >> 20;
    let mysql = system::mysql().await;
    let mut sql = MySqlConnection::connect(&mysql.url("")).await?;
    let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(&mut sql).await?;
    Ok(format!(
        "# Figures\n\nWritten by `make bench`, every row of them; [README.md](README.md) says what is measured, and what bounds it.\n\n\
         {cores} cores, {gibibytes} GiB; MySQL {version}, the load, producer and consumer on the same machine.\n"
    ))
}
