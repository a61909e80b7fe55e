//! A pipeline as processes: producers, consumers, the database's agent, a handler and clients.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::ensure;
use eventpipeline_testkit::{Database, Program, Proxy, free_udp};
use tokio::task::JoinSet;

use crate::handler::Handler;
use crate::load;

const PRODUCER: &str = "eventpipeline-producer";
const CONSUMER: &str = "eventpipeline-consumer";
const AGENT: &str = "eventpipeline-agent";

/// Differences between the pipelines.
pub(crate) struct Settings {
    namespace: &'static str,
    name: &'static str,
    per_second: f64,
    consumers: usize,
}

impl Settings {
    pub(crate) fn orders() -> Self {
        Self { namespace: "shop", name: "orders", per_second: 60.0, consumers: 2 }
    }

    pub(crate) fn payments() -> Self {
        Self { namespace: "shop", name: "payments", per_second: 20.0, consumers: 2 }
    }

    pub(crate) fn thumbnails() -> Self {
        Self { namespace: "media", name: "thumbnails", per_second: 30.0, consumers: 2 }
    }
}

/// A running pipeline; its processes end when this is dropped.
pub(crate) struct Pipeline {
    pub(crate) namespace: &'static str,
    pub(crate) name: &'static str,
    pub(crate) handler: Handler,
    /// The network between the programs and the database.
    pub(crate) proxy: Proxy,
    producers: Vec<Program>,
    consumers: Vec<Program>,
    agent: Program,
    _load: JoinSet<()>,
}

impl Pipeline {
    pub(crate) async fn start(
        programs: &Path,
        mysql: &Database,
        data: &Path,
        settings: Settings,
    ) -> anyhow::Result<Self> {
        let Settings { namespace, name, per_second, consumers } = settings;
        mysql.create_database(name).await;
        let mut schema = launch(programs, (PRODUCER, "schema"), name, mysql.port(), &[]);
        ensure!(schema.end().await.success(), "failed to create the tables: {}", schema.log());
        let data = data.display().to_string();
        let agent = launch(programs, (AGENT, "serve"), name, mysql.port(), &[("DATA_FOLDER", &data)]);
        let volume = format!("http://{}/volume", agent.address("the admin server listens").await);

        let handler = Handler::start().await?;
        let proxy = Proxy::start(mysql.port()).await;
        let start = |program, further: &[(&str, &str)]| {
            launch(programs, (program, "serve"), name, proxy.port(), further)
        };
        let wakeups: Vec<String> = (0..2 + consumers).map(|_| free_udp().to_string()).collect();
        let peers = wakeups.join(",");
        let (of_producers, of_consumers) = wakeups.split_at(2);
        let api = [("LISTEN_ADDRESS", "127.0.0.1:0"), ("VOLUME_URL", &volume), ("WAKE_PEERS", &peers)];
        let producer = |wakeup: &String| start(PRODUCER, &[&api[..], &[("WAKE_ADDRESS", wakeup)]].concat());
        let url = format!("http://{}/", handler.address);
        let handling = [("HANDLER", "http"), ("HANDLER_URL", url.as_str()), ("WAKE_PEERS", &peers)];
        let consumer =
            |wakeup: &String| start(CONSUMER, &[&handling[..], &[("WAKE_ADDRESS", wakeup)]].concat());
        let producers: Vec<Program> = of_producers.iter().map(producer).collect();
        let consumers = of_consumers.iter().map(consumer).collect();
        let mut apis = Vec::new();
        for producer in &producers {
            apis.push(producer.address("the API listens").await);
        }
        let mut load = JoinSet::new();
        load.spawn(load::run(apis, per_second));
        Ok(Self { namespace, name, handler, proxy, producers, consumers, agent, _load: load })
    }

    /// Returns the component and the address of the metrics of each program.
    pub(crate) async fn admins(&self) -> Vec<(&'static str, SocketAddr)> {
        let programs = [
            ("producer", self.producers.iter().collect::<Vec<_>>()),
            ("consumer", self.consumers.iter().collect()),
            ("mysql", vec![&self.agent]),
        ];
        let mut admins = Vec::new();
        for (component, programs) in programs {
            for program in programs {
                admins.push((component, program.address("the admin server listens").await));
            }
        }
        admins
    }

    pub(crate) fn freeze_consumers(&self) {
        self.consumers.iter().for_each(Program::freeze);
    }

    pub(crate) fn thaw_consumers(&self) {
        self.consumers.iter().for_each(Program::thaw);
    }
}

fn launch(
    programs: &Path,
    (program, command): (&'static str, &str),
    database: &str,
    port: u16,
    further: &[(&str, &str)],
) -> Program {
    let path = programs.join(program).display().to_string();
    let port = port.to_string();
    let environment = [
        ("DATABASE_HOST", "127.0.0.1"),
        ("DATABASE_PORT", &port),
        ("DATABASE_NAME", database),
        ("DATABASE_USER", "root"),
        ("DATABASE_PASSWORD_FILE", "/dev/null"),
        ("ADMIN_ADDRESS", "127.0.0.1:0"),
    ];
    Program::start(program, &[&path, command], &[&environment, further].concat())
}
