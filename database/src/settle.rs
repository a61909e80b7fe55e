//! Settling a claim: its event gets its answer, or becomes free again. Both are fenced.

use sqlx::Connection as _;
use sqlx::mysql::MySqlConnection;

use crate::error::Error;
use crate::event::{Claimed, EventId, Value};
use crate::session::{Operation, Session};

/// The answer to a claimed event.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The claim that it settles.
    pub claim: Claimed,
    /// The answer.
    pub value: Value,
}

impl Session {
    /// Writes the answers, in one transaction, and gives the ids of those that were accepted. An answer is refused when
    /// the event was claimed again since, or has its answer: what comes late changes nothing.
    pub async fn complete(&mut self, completions: &[Completion]) -> Result<Vec<EventId>, Error> {
        let mut completions: Vec<&Completion> = completions.iter().collect();
        // All transactions lock events in the same order, so that no two wait for each other.
        completions.sort_unstable_by_key(|completion| completion.claim.id);
        self.run(&Complete { completions }).await
    }

    /// Frees claimed events, to be claimed again by anybody at once. Those whose claim is no longer theirs are left.
    pub async fn release(&mut self, claims: &[Claimed]) -> Result<(), Error> {
        let mut claims: Vec<&Claimed> = claims.iter().collect();
        claims.sort_unstable_by_key(|claim| claim.id);
        self.run(&Release { claims }).await
    }
}

/// Matches only while the claim is the event's last and unsettled, so that of two answers one is accepted.
const COMPLETE: &str = "UPDATE Events \
     SET valor = ?, processing = 0, lease_until = NULL, done_at = UTC_TIMESTAMP(6) \
     WHERE id = ? AND token = ? AND state = 1";

struct Complete<'a> {
    completions: Vec<&'a Completion>,
}

impl Operation for Complete<'_> {
    const NAME: &'static str = "complete events";
    type Output = Vec<EventId>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Vec<EventId>, sqlx::Error> {
        let mut accepted = Vec::with_capacity(self.completions.len());
        let mut transaction = connection.begin().await?;
        for Completion { claim, value } in &self.completions {
            let update = sqlx::query(COMPLETE).bind(value.as_str()).bind(claim.id.get()).bind(claim.token);
            let updated = update.execute(&mut *transaction).await?;
            // Matched rows: sqlx connects with CLIENT_FOUND_ROWS.
            if updated.rows_affected() == 1 {
                accepted.push(claim.id);
            }
        }
        transaction.commit().await?;
        Ok(accepted)
    }
}

const RELEASE: &str = "UPDATE Events SET processing = 0, lease_until = NULL \
     WHERE id = ? AND token = ? AND state = 1";

struct Release<'a> {
    claims: Vec<&'a Claimed>,
}

impl Operation for Release<'_> {
    const NAME: &'static str = "release events";
    type Output = ();

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        let mut transaction = connection.begin().await?;
        for claim in &self.claims {
            let update = sqlx::query(RELEASE).bind(claim.id.get()).bind(claim.token);
            update.execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }
}
