//! The product's tables and operations.

use std::time::Duration;

use eventpipeline_database::{
    ClaimLimit, Completion, Database, DatabaseArgs, Lease, LowWaterMark, MaxAttempts, Metrics, Owner,
    Session, Tls, Value,
};
use eventpipeline_testkit::Database as Server;
use prometheus::Registry;
use sqlx::{Connection as _, MySqlConnection};

use super::{BATCH, DATABASE, Poll, Shape, VALUE, Worker};
use crate::system;

const LIMIT: ClaimLimit = ClaimLimit { events: BATCH, bytes: usize::MAX };
const LEASE: Duration = Duration::from_mins(10);

pub(super) struct OneTable {
    database: Database,
    sql: MySqlConnection,
}

pub(super) struct Claims {
    session: Session,
    mark: LowWaterMark,
    poll: Poll,
    owner: Owner,
    value: Value,
}

impl Shape for OneTable {
    const NAME: &'static str = "one table";
    type Worker = Claims;

    async fn new(mysql: &Server) -> anyhow::Result<Self> {
        let args = DatabaseArgs {
            database_host: mysql.host().to_owned(),
            database_port: mysql.port(),
            database_name: DATABASE.to_owned(),
            database_user: mysql.user().to_owned(),
            database_password_file: "/dev/null".into(),
            database_tls: Tls::Preferred,
            database_tls_ca_file: None,
        };
        let database = Database::new(args, Metrics::new(&Registry::new())?);
        database.migrate().await?;
        Ok(Self { database, sql: MySqlConnection::connect(&mysql.url(DATABASE)).await? })
    }

    fn sql(&mut self) -> &mut MySqlConnection {
        &mut self.sql
    }

    async fn fill_waiting(&mut self, many: u32) -> anyhow::Result<()> {
        system::fill_waiting(&mut self.sql, many).await
    }

    async fn fill_finished(&mut self, many: u32) -> anyhow::Result<()> {
        system::fill_finished(&mut self.sql, many).await
    }

    async fn worker(&self, poll: Poll) -> anyhow::Result<Claims> {
        let mut session = self.database.session();
        session.ping().await?;
        let attempts = MaxAttempts::new(10)
            .ok_or_else(|| anyhow::anyhow!("the number of attempts must be at least 1"))?;
        let (mark, owner) = (LowWaterMark::default(), Owner::new("bench", attempts));
        Ok(Claims { session, mark, poll, owner, value: Value::new(VALUE)? })
    }
}

impl Worker for Claims {
    async fn turn(&mut self) -> anyhow::Result<u32> {
        if self.poll == Poll::FromStart {
            self.mark = LowWaterMark::default();
        }
        let claims = self.session.claim(&mut self.mark, &self.owner, Lease::new(LEASE), LIMIT).await?.events;
        let completions: Vec<Completion> =
            claims.into_iter().map(|claim| Completion { claim, value: self.value.clone() }).collect();
        Ok(u32::try_from(self.session.complete(&completions).await?.len())?)
    }
}
