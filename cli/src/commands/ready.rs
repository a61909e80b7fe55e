//! `ready`: waits for a program.

use std::time::{Duration, Instant};

use serde_json::json;
use url::Url;

use crate::client::Client;
use crate::commands::read::PERIOD;
use crate::error::Error;
use crate::output::Output;

pub(super) async fn run(program: Url, timeout: Duration, output: &Output) -> Result<(), Error> {
    let client = Client::new(program)?;
    let begun = Instant::now();
    loop {
        let answer = client.is_ready().await;
        match answer {
            Ok(true) => return output.line("ready", &json!({ "ready": true })),
            Err(error) if begun.elapsed() >= timeout => return Err(error),
            Ok(false) if begun.elapsed() >= timeout => {
                return Err(Error::NotReady { host: client.host(), waited: timeout });
            }
            Ok(false) | Err(_) => tokio::time::sleep(PERIOD).await,
        }
    }
}
