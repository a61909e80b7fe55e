//! Why the claim keeps a low-water mark: claims and completions in turn on one session while purge is blocked, with a
//! cursor that is kept, and with one that is forgotten each time, so that each look begins at the start.

use std::time::Instant;

use eventpipeline_database::{
    ClaimLimit, Claimer, Completion, Creation, Database, DatabaseArgs, Lease, LowWaterMark, Metrics,
    NewEvent, Session, Tls, Value,
};
use prometheus::Registry;
use sqlx::{Connection as _, Executor as _, MySqlConnection};

use crate::Scale;
use crate::report::{Report, Target};
use crate::system;

const EVENTS: u32 = 100_000;
const BATCH: usize = 256;
const LIMIT: ClaimLimit = ClaimLimit { events: BATCH, bytes: usize::MAX };
const LEASE: std::time::Duration = std::time::Duration::from_mins(10);

pub(crate) async fn run(scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let mysql = system::mysql().await;
    mysql.create_database("shapes").await;
    let args = DatabaseArgs {
        database_host: mysql.host().to_owned(),
        database_port: mysql.port(),
        database_name: "shapes".to_owned(),
        database_user: mysql.user().to_owned(),
        database_password_file: "/dev/null".into(),
        database_tls: Tls::Preferred,
        database_tls_ca_file: None,
    };
    let database = Database::new(args, Metrics::new(&Registry::new())?);
    database.migrate().await?;
    let mut session = database.session();
    let events = scale.events(EVENTS);
    let free = turn(&mut session, events, true).await?;
    report.add(
        "claim and complete 256 in turn, purge at work",
        free,
        "events/s",
        Target::None,
        "one session",
    );
    let mut forgotten = MySqlConnection::connect(&mysql.url("shapes")).await?;
    forgotten.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT").await?;
    forgotten.execute("SELECT COUNT(*) FROM DBStatus").await?;
    let start = turn(&mut session, events, false).await?;
    let mark = turn(&mut session, events, true).await?;
    let name = "the same, purge blocked, ";
    report.add(format!("{name}looks from the start"), start, "events/s", Target::None, "");
    report.add(format!("{name}low-water mark"), mark, "events/s", Target::None, "after the former");
    report.add("  to its rate with purge at work", mark / free, "", Target::AtLeast(0.7), "");
    Ok(())
}

/// Events a second.
async fn turn(session: &mut Session, events: u32, keep_cursor: bool) -> anyhow::Result<f64> {
    for _ in 0..events / 500 {
        let creation = Creation::many(vec![NewEvent::default(); 500]);
        session.create(creation.as_slice()).await?;
    }
    let claimer = Claimer::new("bench");
    let value = Value::new("palavra")?;
    let mut mark = LowWaterMark::default();
    let begun = Instant::now();
    let mut done = 0;
    while done < events / 500 * 500 {
        if !keep_cursor {
            mark = LowWaterMark::default();
        }
        let claims = session.claim(&mut mark, &claimer, Lease::new(LEASE), LIMIT).await?.events;
        let completions: Vec<Completion> =
            claims.into_iter().map(|claim| Completion { claim, value: value.clone() }).collect();
        done += u32::try_from(session.complete(&completions).await?.len())?;
    }
    Ok(f64::from(done) / begun.elapsed().as_secs_f64())
}
