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
        let answer = client.unready().await;
        let is_over = begun.elapsed() >= timeout;
        match answer {
            Ok(None) => return output.line("ready", &json!({ "ready": true })),
            Err(error) if is_over => return Err(error),
            Ok(Some(why)) if is_over => {
                return Err(Error::NotReady { host: client.host(), waited: timeout, why });
            }
            Ok(Some(_)) | Err(_) => tokio::time::sleep(PERIOD).await,
        }
    }
}
