//! The checks of consumers.

use std::time::{Duration, Instant};

use eventpipeline_database::{ClaimLimit, Completion, Lease, LowWaterMark, MaxAttempts, Owner, Value};
use rustix::process::Signal;
use sqlx::Executor as _;

use super::scratch::Scratch;
use crate::clause::Clause;
use crate::database::cut_others;
use crate::program::{Program, within};
use crate::report::{CheckResult, Failure, Report, expect};

/// Number of tries to catch a program while it works, or two programs at once.
const TRIES: i64 = 50;
/// Number of events for two programs.
const MANY: i64 = 400;
/// The kit's own reclaimer frees claims of a killed program without leases after this time. Half of it is the longest pause of
/// the machine that does not renew all leases.
const LEASE: Duration = Duration::from_secs(5);

/// Observation time of an idle program.
const IDLE: Duration = Duration::from_secs(3);
/// Ten polls per second, and some other statements.
const MOST_STATEMENTS: i64 = 15;

/// Each statement that opens a table locks it once, prepared or not.
const STATEMENTS: &str = "SELECT CAST(COALESCE(SUM(count_star), 0) AS SIGNED) \
     FROM performance_schema.table_lock_waits_summary_by_table \
     WHERE object_schema = DATABASE() AND object_name = 'Events'";
const DONE: &str = "SELECT COUNT(*) FROM Events WHERE LENGTH(valor) > 0";
const CLAIMED: &str = "SELECT COUNT(*) FROM Events WHERE processing = 1";
/// The sessions that have claimed more than a few events.
const CLAIMERS: &str = "SELECT COUNT(*) FROM (SELECT session FROM Audit \
     WHERE before_processing <> 1 AND after_processing = 1 GROUP BY session HAVING COUNT(*) >= 20) AS claimers";

pub(super) async fn all(scratch: &mut Scratch, report: &mut Report) {
    report.check(Clause::C1, "it claims free events only, lowest id first", free(scratch)).await;
    report.check(Clause::C2, "two programs never claim the same event", by_one(scratch)).await;
    report.check(Clause::C2, "the program and ours never claim the same event", next_to_ours(scratch)).await;
    report.check(Clause::C2, "it skips events that another transaction locks", skips(scratch)).await;
    report.check(Clause::C6, "values are not blank", values(scratch)).await;
    report.check(Clause::C5, "a value that another program has written stays", overtaken(scratch)).await;
    report.check(Clause::C9, "SIGTERM leaves no event claimed and ends with code 0", drains(scratch)).await;
    report.check(Clause::C10, "it recovers after its connections break", reconnects(scratch)).await;
    report.check(Clause::C11, "an idle program polls at a bounded rate", idles(scratch)).await;
    report.check(Clause::C12, "kill -9 during work loses nothing", dies(scratch)).await;
}

/// Waits until this many events have values.
async fn done(scratch: &mut Scratch, many: i64) -> CheckResult {
    within(scratch.patience, &format!("{many} events with values"), async || {
        let done = scratch.number(DONE).await?;
        Ok(if done >= many { Ok(()) } else { Err(format!("{done}")) })
    })
    .await
}

async fn free(scratch: &mut Scratch) -> CheckResult {
    scratch.clear().await?;
    let far = "UTC_TIMESTAMP(6) + INTERVAL 1 HOUR";
    let rows = format!(
        "INSERT INTO Events (id, valor, processing, due, lease_until) VALUES \
         (1, '', 0, DEFAULT, NULL), (2, DEFAULT, DEFAULT, DEFAULT, NULL), (3, 'feito', 0, DEFAULT, NULL), \
         (4, '', 2, {far}, NULL), (5, '', 3, DEFAULT, NULL), (6, '', 4, DEFAULT, NULL), \
         (7, '', 1, {far}, {far}), (8, '', 0, DEFAULT, NULL)"
    );
    scratch.connection.execute(sqlx::AssertSqlSafe(rows)).await?;
    let program = scratch.consumer()?;
    done(scratch, 4).await?;
    program.drain().await?;
    // Extending a lease is not a change of the claim.
    let touched = "SELECT COUNT(*) FROM Audit WHERE event IN (3, 4, 5, 6, 7) \
         AND (before_processing <> after_processing OR wrote_value OR new_token)";
    let touched = scratch.number(touched).await?;
    let expected = "no change of events that are done (3), claimed (7), to be tried later (4), dead (5) or cancelled (6)";
    expect(touched == 0, expected, format!("{touched} changes"))?;
    let first =
        "SELECT event FROM Audit WHERE before_processing <> 1 AND after_processing = 1 ORDER BY n LIMIT 1";
    let first: Option<i64> = sqlx::query_scalar(first).fetch_optional(&mut scratch.connection).await?;
    expect(first == Some(1), "event 1 to be claimed first", format!("{first:?}"))
}

/// Runs the program twice, and checks the audit of each event.
async fn by_one(scratch: &mut Scratch) -> CheckResult {
    scratch.clear().await?;
    let programs = [scratch.consumer()?, scratch.consumer()?];
    for turn in 0..TRIES {
        scratch.add(turn * MANY, MANY).await?;
        done(scratch, (turn + 1) * MANY).await?;
        // One may have done everything before the other was up.
        if scratch.number(CLAIMERS).await? > 1 {
            break;
        }
    }
    for program in programs {
        program.drain().await?;
    }
    once_each(scratch).await
}

/// Runs the program next to our own queue operations.
async fn next_to_ours(scratch: &mut Scratch) -> CheckResult {
    scratch.clear().await?;
    let program = scratch.consumer()?;
    let (mut ours, mut mark) = (scratch.ours.session(), LowWaterMark::default());
    let (owner, value) =
        (Owner::new("conformance", many_attempts()?), Value::new("nosso").map_err(anyhow::Error::from)?);
    let limit = ClaimLimit { events: 4, bytes: usize::MAX };
    for turn in 0..TRIES {
        scratch.add(turn * MANY, MANY).await?;
        let all = (turn + 1) * MANY;
        within(scratch.patience, &format!("{all} events with values"), async || {
            let claims = ours.claim(&mut mark, &owner, Lease::new(scratch.patience), limit).await?;
            let settled: Vec<_> =
                claims.events.into_iter().map(|claim| Completion { claim, value: value.clone() }).collect();
            ours.complete(&settled).await?;
            let done: i64 = sqlx::query_scalar(DONE).fetch_one(&mut scratch.connection).await?;
            Ok(if done == all { Ok(()) } else { Err(format!("{done}")) })
        })
        .await?;
        if scratch.number(CLAIMERS).await? > 1 {
            break;
        }
    }
    program.drain().await?;
    once_each(scratch).await
}

/// Checks the audit of each event, for all programs.
async fn once_each(scratch: &mut Scratch) -> CheckResult {
    let twice =
        "SELECT COUNT(*) FROM Audit WHERE before_processing = 1 AND after_processing = 1 AND NOT same_claim";
    let twice = scratch.number(twice).await?;
    expect(twice == 0, "no claim of a claimed event", format!("{twice} claims"))?;
    let unclaimed = "SELECT COUNT(*) FROM Audit WHERE wrote_value AND before_processing <> 1";
    let unclaimed = scratch.number(unclaimed).await?;
    expect(
        unclaimed == 0,
        "processing = 1 before a value is written",
        format!("{unclaimed} values without"),
    )?;
    let again = scratch.number("SELECT COUNT(*) FROM Audit WHERE wrote_value AND had_value").await?;
    expect(again == 0, "no value to be overwritten", format!("{again} values"))?;
    let left = scratch.number("SELECT COUNT(*) FROM Events WHERE COALESCE(processing, 0) <> 0").await?;
    expect(left == 0, "processing = 0 with every value", format!("{left} events without"))
}

async fn skips(scratch: &mut Scratch) -> CheckResult {
    scratch.clear().await?;
    scratch.add(0, 50).await?;
    let mut other = scratch.another().await?;
    other.execute("START TRANSACTION").await?;
    other.execute("SELECT id FROM Events WHERE id = 1 FOR UPDATE").await?;
    let program = scratch.consumer()?;
    let others = done(scratch, 49).await;
    other.execute("ROLLBACK").await?;
    others?;
    done(scratch, 50).await?;
    program.drain().await
}

/// Checks the values that the previous checks have left.
async fn values(scratch: &mut Scratch) -> CheckResult {
    let blank = "SELECT COUNT(*) FROM Events WHERE LENGTH(valor) > 0 AND CHAR_LENGTH(TRIM(valor)) = 0";
    let blank = scratch.number(blank).await?;
    expect(blank == 0, "no blank value", format!("{blank} values"))
}

/// Lets the program run until it has unfinished claims, stops it with a signal, and returns their ids. The rows stay locked
/// until the transaction is committed, because a statement of the program may still be in flight.
async fn caught(scratch: &mut Scratch, program: &Program, signal: Signal) -> Result<Vec<i64>, Failure> {
    let held =
        "SELECT id FROM Events WHERE processing = 1 AND LENGTH(valor) = 0 ORDER BY id FOR UPDATE SKIP LOCKED";
    for turn in 0..TRIES {
        scratch.add(turn * 300, 300).await?;
        within(scratch.patience, "an event to be claimed", async || {
            // Claims are counted last, because they are finished within moments.
            let done = scratch.number(DONE).await?;
            let claimed = scratch.number(CLAIMED).await?;
            Ok(if claimed > 0 || done == (turn + 1) * 300 { Ok(()) } else { Err("none".to_owned()) })
        })
        .await?;
        program.signal(signal)?;
        scratch.connection.execute("START TRANSACTION").await?;
        let ids: Vec<i64> = sqlx::query_scalar(held).fetch_all(&mut scratch.connection).await?;
        if !ids.is_empty() || signal == Signal::KILL {
            return Ok(ids);
        }
        scratch.connection.execute("COMMIT").await?;
        program.signal(Signal::CONT)?;
    }
    Err(Failure::Skipped("the program is too fast to be stopped while it works"))
}

async fn overtaken(scratch: &mut Scratch) -> CheckResult {
    scratch.clear().await?;
    let program = scratch.consumer()?;
    let ids = caught(scratch, &program, Signal::STOP).await?;
    for id in &ids {
        let update = "UPDATE Events SET valor = 'de outro', processing = 0 WHERE id = ? AND processing = 1";
        sqlx::query(update).bind(id).execute(&mut scratch.connection).await?;
    }
    scratch.connection.execute("COMMIT").await?;
    program.signal(Signal::CONT)?;
    let all = scratch.number("SELECT COUNT(*) FROM Events").await?;
    done(scratch, all).await?;
    program.drain().await?;
    let over = scratch.number("SELECT COUNT(*) FROM Audit WHERE wrote_value AND had_value").await?;
    let expected = format!("the values that another program wrote for {} lost claims to stay", ids.len());
    expect(over == 0, expected, format!("{over} were overwritten"))
}

async fn drains(scratch: &mut Scratch) -> CheckResult {
    scratch.clear().await?;
    scratch.add(0, 5000).await?;
    let program = scratch.consumer()?;
    done(scratch, 1).await?;
    program.drain().await?;
    let claimed = scratch.number(CLAIMED).await?;
    expect(claimed == 0, "no event with processing = 1 after the end", format!("{claimed} events"))
}

async fn reconnects(scratch: &mut Scratch) -> CheckResult {
    scratch.clear().await?;
    scratch.add(0, 10).await?;
    let mut program = scratch.consumer()?;
    done(scratch, 10).await?;
    cut_others(&mut scratch.connection).await?;
    scratch.add(10, 10).await?;
    let again = done(scratch, 20).await;
    program.is_running()?;
    again?;
    program.drain().await
}

/// Counts statements by the server's performance schema.
async fn idles(scratch: &mut Scratch) -> CheckResult {
    scratch.clear().await?;
    scratch.add(0, 1).await?;
    let program = scratch.consumer()?;
    done(scratch, 1).await?;
    let begun = Instant::now();
    let before = scratch.number(STATEMENTS).await?;
    tokio::time::sleep(IDLE).await;
    let asked = scratch.number(STATEMENTS).await? - before;
    // On a busy machine the sleep may last longer.
    let watched = begun.elapsed();
    program.drain().await?;
    if before == 0 {
        return Err(Failure::Skipped("needs the server's performance_schema"));
    }
    let most = MOST_STATEMENTS.saturating_mul(i64::try_from(watched.as_millis()).unwrap_or(i64::MAX)) / 1000;
    let expected = format!("at most {most} statements on events in {} ms", watched.as_millis());
    expect(asked <= most, expected, asked.to_string())
}

async fn dies(scratch: &mut Scratch) -> CheckResult {
    scratch.clear().await?;
    let program = scratch.consumer()?;
    caught(scratch, &program, Signal::KILL).await?;
    scratch.connection.execute("COMMIT").await?;
    program.kill().await?;
    let half =
        scratch.number("SELECT COUNT(*) FROM Events WHERE LENGTH(valor) > 0 AND processing = 1").await?;
    expect(
        half == 0,
        "a value and processing = 0 in one statement",
        format!("{half} values with processing = 1"),
    )?;
    let program = scratch.consumer()?;
    let all = scratch.number("SELECT COUNT(*) FROM Events").await?;
    let mut ours = scratch.ours.session();
    let mut mark = LowWaterMark::default();
    let attempts = many_attempts()?;
    within(scratch.patience, "another program to complete every event", async || {
        ours.reclaim(&mut mark, Lease::new(LEASE), attempts).await?;
        let done = scratch.number(DONE).await?;
        Ok(if done == all { Ok(()) } else { Err(format!("{done} of {all}")) })
    })
    .await?;
    program.drain().await
}

fn many_attempts() -> anyhow::Result<MaxAttempts> {
    MaxAttempts::new(100).ok_or_else(|| anyhow::anyhow!("MAX_ATTEMPTS must be at least 1"))
}
