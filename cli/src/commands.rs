//! The commands, one file per kind.

mod change;
mod create;
mod purge;
mod read;
mod ready;
mod selftest;

use crate::args::Command;
use crate::client::Client;
use crate::error::Error;
use crate::output::Output;

pub(crate) async fn run(command: Command, client: &Client, output: &Output) -> Result<(), Error> {
    match command {
        Command::Create(create) => create::run(create, client, output).await,
        Command::Get { id } => read::get(id, client, output).await,
        Command::Watch { id, timeout } => read::watch(id, timeout, client, output).await,
        Command::List { state, limit, all } => read::list(state, limit, all, client, output).await,
        Command::Retry { ids, all_dead: false } => change::each("retry", &ids, client, output).await,
        Command::Retry { all_dead: true, .. } => change::retry_dead(client, output).await,
        Command::Cancel { ids } => change::each("cancel", &ids, client, output).await,
        Command::Purge { state, older_than, yes } => purge::run(state, older_than, yes, client, output).await,
        Command::Stats { watch } => read::stats(watch, client, output).await,
        Command::Selftest { timeout } => selftest::run(timeout, client, output).await,
        Command::Ready { program, timeout } => ready::run(program, timeout, output).await,
        // Handled before the client is created, because it needs no pipeline.
        Command::Completions { .. } => Ok(()),
    }
}
