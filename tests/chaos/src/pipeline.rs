//! The pipeline: a durable MySQL, networks to it that can fail, producers and consumers as processes.

mod tables;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;
use eventpipeline_chaos::FinalState;
use eventpipeline_testkit::{Database, Engine, Fault, Options, Port, Proxy, free_udp};
use sqlx::{Connection as _, Executor as _, MySqlConnection};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::builds::{Builds, CONSUMER, PRODUCER};
use crate::member::{DATABASE, Member, launch};
use crate::server::ServerFaults;

/// Short, so that frozen consumers lose their claims within a run.
const LEASE: &str = "2";
/// Retention of finished events: most are read before, and many are removed within a run.
pub(crate) const KEPT_SECONDS: u32 = 25;
/// Time in which every event must end after the last fault.
pub(crate) const IDLE_LIMIT: Duration = Duration::from_mins(2);

pub(crate) struct Pipeline {
    pub(crate) mysql: Database,
    pub(crate) server_faults: ServerFaults,
    /// The networks between programs and the database.
    pub(crate) proxies: Vec<Proxy>,
    pub(crate) producers: Vec<Member>,
    pub(crate) consumers: Vec<Member>,
    pub(crate) builds: Builds,
    /// The producers' addresses, which stay the same after a restart.
    apis: [Port; 2],
    /// The addresses of all programs for wake-ups.
    pub(crate) wakeup_addresses: Vec<SocketAddr>,
    /// True while clients send requests.
    load: watch::Sender<bool>,
}

impl Pipeline {
    pub(crate) async fn start(builds: Builds, handler: SocketAddr) -> anyhow::Result<Self> {
        let server_faults = ServerFaults::new()?;
        let arguments = ["--transaction-isolation=READ-COMMITTED", "--innodb-buffer-pool-size=256M"];
        let options = Options {
            durable: true,
            arguments: arguments.map(str::to_owned).to_vec(),
            environment: server_faults.environment(),
        };
        let mysql = Database::start_with(Engine::MySql, options).await;
        mysql.create_database(DATABASE).await;
        let mut schema = launch(PRODUCER, &builds.current.schema(), mysql.port(), &[]);
        ensure!(schema.end().await.success(), "failed to create the tables: {}", schema.log());
        tables::keep_removed(&mut MySqlConnection::connect(&mysql.url(DATABASE)).await?).await?;
        let proxies = vec![Proxy::start(mysql.port()).await, Proxy::start(mysql.port()).await];
        let mut pipeline = Self {
            apis: [Port::take(), Port::take()],
            producers: Vec::new(),
            consumers: Vec::new(),
            wakeup_addresses: (0..5).map(|_| free_udp()).collect(),
            builds,
            mysql,
            server_faults,
            proxies,
            load: watch::Sender::new(true),
        };
        pipeline.start_members(handler);
        Ok(pipeline)
    }

    /// Starts two producers and three consumers. One of each kind reaches the database without a proxy.
    fn start_members(&mut self, handler: SocketAddr) {
        let ports = [self.mysql.port(), self.proxies[0].port(), self.proxies[1].port()];
        for (index, port) in [ports[0], ports[1]].into_iter().enumerate() {
            let mut settings = self.wakeup_settings(index);
            settings.push(("LISTEN_ADDRESS", self.apis[index].address().to_string()));
            settings.extend(own(&[("DRAIN_SECONDS", "3")]));
            settings.push(retention());
            self.producers.push(Member::start(self.builds.pick(index), PRODUCER, settings, port));
        }
        for (index, port) in ports.into_iter().enumerate() {
            let mut settings = self.wakeup_settings(2 + index);
            settings.extend(own(&[
                ("LEASE_SECONDS", LEASE),
                ("MAX_ATTEMPTS", "100"),
                ("BACKOFF_SECONDS", "1"),
                ("BACKOFF_MAX_SECONDS", "1"),
                ("DRAIN_SECONDS", "3"),
            ]));
            // Of the previous version, consumers remove events.
            settings.push(retention());
            settings.push(("POD_NAME", format!("consumer-{index}")));
            if index < 2 {
                settings.extend(own(&[("HANDLER", "http")]));
                settings.push(("HANDLER_URL", format!("http://{handler}/")));
            }
            self.consumers.push(Member::start(self.builds.pick(index + 1), CONSUMER, settings, port));
        }
    }

    fn wakeup_settings(&self, index: usize) -> Vec<(&'static str, String)> {
        let peers: Vec<String> = self.wakeup_addresses.iter().map(ToString::to_string).collect();
        vec![("WAKE_ADDRESS", self.wakeup_addresses[index].to_string()), ("WAKE_PEERS", peers.join(","))]
    }

    /// Returns the address of a producer's API. The producer may be down.
    pub(crate) fn api(&self, index: usize) -> String {
        format!("http://{}", self.apis[index % self.apis.len()].address())
    }

    /// Starts or stops the load. Requests that are in flight continue.
    pub(crate) fn set_load(&self, wanted: bool) {
        self.load.send_replace(wanted);
    }

    /// Waits until the load is on.
    pub(crate) async fn load_wanted(&self) {
        // The sender lives as long as the pipeline.
        let _ = self.load.subscribe().wait_for(|wanted| *wanted).await;
    }

    /// Opens a connection to the database, past the proxies.
    pub(crate) async fn sql(&self) -> Result<MySqlConnection, sqlx::Error> {
        MySqlConnection::connect(&self.mysql.url(DATABASE)).await
    }

    /// Ends every fault, waits until every event has ended and a producer returns their number, and reads the final state.
    pub(crate) async fn final_state(&self) -> anyhow::Result<FinalState> {
        self.set_load(true);
        for proxy in &self.proxies {
            proxy.set(Fault::None);
        }
        let mut sql = self.sql().await?;
        sql.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
        let deadline = Instant::now() + IDLE_LIMIT;
        loop {
            let state = tables::read(self, &mut sql).await?;
            // A producer may still be starting or reconnecting, and abandoned requests may still take effect.
            let idle =
                state.events == state.counter && state.rows.iter().all(eventpipeline_chaos::Row::has_ended);
            if idle || Instant::now() >= deadline {
                return Ok(state);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Waits until every event has ended, for at most `limit`; returns the seconds that it took.
    pub(crate) async fn idle_within(&self, limit: Duration) -> Option<u64> {
        let begin = Instant::now();
        let ended = async {
            // The database may be down.
            while !matches!(self.unfinished().await, Ok(0)) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            begin.elapsed().as_secs()
        };
        tokio::time::timeout(limit, ended).await.ok()
    }

    async fn unfinished(&self) -> Result<i64, sqlx::Error> {
        let mut sql = self.sql().await?;
        sqlx::query_scalar("SELECT COUNT(*) FROM Events WHERE state < 2").fetch_one(&mut sql).await
    }

    /// Prints the logs of all programs.
    pub(crate) fn print_logs(&self) {
        for member in self.producers.iter().chain(&self.consumers) {
            member.print_logs();
        }
    }
}

fn own(settings: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

fn retention() -> (&'static str, String) {
    ("RETAIN_DONE_SECONDS", KEPT_SECONDS.to_string())
}
