//! A running pipeline and operator, and a Prometheus that scrapes them with the labels of the chart's monitors.

use std::fmt::Debug;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use eventpipeline_monitoring::RuleFile;
use eventpipeline_testkit::{ApiServer, Database, Engine, Program, Prometheus, client, until};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

pub(crate) const NAMESPACE: &str = "shop";
pub(crate) const PIPELINE: &str = "orders";

/// Interval of scrapes and evaluations.
const INTERVAL: &str = "1s";

/// The running programs; they end when this is dropped.
pub(crate) struct Live {
    pub(crate) prometheus: Prometheus,
    pub(crate) consumer: Program,
    _agent: Program,
    _producers: [Program; 2],
    _operator: Program,
    _load: JoinSet<()>,
    // After the programs: fields are dropped in order.
    _folder: TempDir,
}

impl Live {
    /// Starts two producers and a consumer under load, an operator that has reconciled their pipeline, and a Prometheus with
    /// these rules.
    pub(crate) async fn start(rules: &RuleFile) -> Self {
        let database = Database::shared(Engine::MySql).await;
        database.create_database(PIPELINE).await;
        let port = database.port().to_string();
        let lanes = [("LANES", r#"[{"lane": "orders", "types": ["order.*"]}]"#)];
        let (status, log) = end(start("eventpipeline-producer", &["schema"], &port, &lanes)).await;
        assert!(status, "{log}");
        let agent = run("eventpipeline-agent", &["serve"], &port);
        let volume = format!("http://{}/volume", admin(&agent).await);
        let producers =
            [(); 2].map(|()| start("eventpipeline-producer", &["serve"], &port, &[("VOLUME_URL", &volume)]));
        let consumer = run("eventpipeline-consumer", &["serve"], &port);
        let folder = tempfile::tempdir().unwrap();
        let operator = operator(folder.path()).await;

        let targets = [
            ("producer", admin(&producers[0]).await),
            ("producer", admin(&producers[1]).await),
            ("mysql", admin(&agent).await),
            ("consumer", admin(&consumer).await),
        ];
        let rules_file = folder.path().join("rules.yaml");
        fs::write(&rules_file, rules.yaml().unwrap()).unwrap();
        let configuration = configuration(&targets, admin(&operator).await, &rules_file);
        let prometheus = Prometheus::start(&configuration).await;
        let mut load = JoinSet::new();
        for producer in &producers {
            let api = format!("http://{}", producer.address("the API listens").await);
            load.spawn(create(client(), api));
        }
        load.spawn(change(ApiServer::shared().await));
        Self {
            prometheus,
            consumer,
            _agent: agent,
            _producers: producers,
            _operator: operator,
            _load: load,
            _folder: folder,
        }
    }
}

/// Creates events in every way, forever.
async fn create(client: Client, api: String) {
    let mut order = None;
    loop {
        // No consumer claims from its lane, so one is always pending, and none for long.
        let next = create_order(&client, &api).await;
        if let Some(id) = order.replace(next) {
            let _ = client.post(format!("{api}/v1/events/{id}/cancel")).send().await;
        }
        for path in ["/create-sync", "/create-async"] {
            // While the consumer is stopped, no value arrives, so the wait is limited.
            let request = client.post(format!("{api}{path}")).timeout(Duration::from_secs(2));
            let _ = request.send().await;
        }
        let _ = client.post(format!("{api}/v1/events")).json(&json!({"events": [{}, {}]})).send().await;
        let _ = client.get(format!("{api}/1")).send().await;
    }
}

/// Creates an event with a type, and returns its id.
async fn create_order(client: &Client, api: &str) -> Value {
    let request = client.post(format!("{api}/create-async?type=order.created")).send();
    let created = async { request.await.ok()?.json::<Value>().await.ok() };
    created.await.map_or(Value::Null, |created| created["id"].clone())
}

/// Changes the pipeline, so that the operator reconciles it.
async fn change(server: &'static ApiServer) {
    // Often enough for a rate over a few scrapes, but not more often, because kubectl is expensive.
    let mut pace = tokio::time::interval(Duration::from_millis(500));
    for number in 0_u64.. {
        pace.tick().await;
        let annotate = move || {
            let annotation = format!("example.com/changed={number}");
            server.kubectl([
                "-n",
                NAMESPACE,
                "annotate",
                "--overwrite",
                "eventpipeline",
                PIPELINE,
                &annotation,
            ])
        };
        let _ = tokio::task::spawn_blocking(annotate).await;
    }
}

/// Returns the path of another package's program, which `cargo test --workspace` builds.
fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_eventpipeline-monitoring")).with_file_name(name);
    assert!(path.exists(), "{} is missing: `cargo build -p {name}` makes it", path.display());
    path
}

fn run(name: &'static str, arguments: &[&str], port: &str) -> Program {
    start(name, arguments, port, &[])
}

fn start(name: &'static str, arguments: &[&str], port: &str, further: &[(&str, &str)]) -> Program {
    let program = program(name);
    let command = [&[program.to_str().unwrap()], arguments].concat();
    let environment = [
        ("DATABASE_HOST", "127.0.0.1"),
        ("DATABASE_PORT", port),
        ("DATABASE_NAME", PIPELINE),
        ("DATABASE_USER", "root"),
        ("DATABASE_PASSWORD_FILE", "/dev/null"),
        ("LISTEN_ADDRESS", "127.0.0.1:0"),
        ("ADMIN_ADDRESS", "127.0.0.1:0"),
        ("DATA_FOLDER", "."),
    ];
    Program::start(name, &command, &[&environment, further].concat())
}

async fn end(mut program: Program) -> (bool, String) {
    (program.end().await.success(), program.log())
}

async fn admin(program: &Program) -> SocketAddr {
    program.address("the admin server listens").await
}

/// Starts an operator with a real API server, and waits until it has reconciled the pipeline.
async fn operator(folder: &Path) -> Program {
    let server = ApiServer::shared().await;
    let definition = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/eventpipeline.yaml");
    server.kubectl(["apply", "--server-side", "-f", definition.to_str().unwrap()]).unwrap();
    server.established(&["crd/eventpipelines.eventpipeline.dev"]).unwrap();
    server.kubectl(["create", "namespace", NAMESPACE]).unwrap();
    let pipeline = json!({
        "apiVersion": "eventpipeline.dev/v1alpha1", "kind": "EventPipeline",
        "metadata": {"name": PIPELINE, "namespace": NAMESPACE}, "spec": {},
    });
    let file = folder.join("pipeline.json");
    fs::write(&file, pipeline.to_string()).unwrap();
    server.kubectl(["apply", "-f", file.to_str().unwrap()]).unwrap();
    let program = program("eventpipeline-operator");
    let command = [program.to_str().unwrap(), "serve", "--image", "registry.example/eventpipeline:test"];
    let kubeconfig = server.kubeconfig();
    let environment = [
        ("KUBECONFIG", kubeconfig.to_str().unwrap()),
        ("WATCH_NAMESPACES", NAMESPACE),
        ("ADMIN_ADDRESS", "127.0.0.1:0"),
    ];
    Program::start("operator", &command, &environment)
}

/// Returns a scrape configuration with the labels of the chart's monitors and no others. Dashboards and rules may use them in
/// addition to the labels that the programs export.
fn configuration(targets: &[(&str, SocketAddr)], operator: SocketAddr, rules: &Path) -> String {
    let pods: Vec<_> = targets
        .iter()
        .map(|(component, address)| {
            json!({"targets": [address.to_string()], "labels": {
                "namespace": NAMESPACE,
                "pod": format!("{PIPELINE}-{component}-{}", address.port()),
                "eventpipeline": PIPELINE,
                "component": component,
                "group": "default",
            }})
        })
        .collect();
    let operators = json!([{"targets": [operator.to_string()], "labels": {
        "namespace": "eventpipeline-system", "pod": "eventpipeline-operator-a",
    }}]);
    json!({
        "global": {"scrape_interval": INTERVAL, "evaluation_interval": INTERVAL},
        "rule_files": [rules],
        "scrape_configs": [
            {"job_name": "eventpipeline", "static_configs": pods},
            // The operator's metrics carry the labels of pipelines, which a scrape would overwrite.
            {"job_name": "eventpipeline-operator", "honor_labels": true, "static_configs": operators},
        ],
    })
    .to_string()
}

/// Maximum time until a condition holds: on a busy machine targets respond late, and a producer that read the queue statistics
/// slowly pauses for many times as long.
const PATIENCE: Duration = Duration::from_mins(5);

/// Waits until each condition held once. A missed scrape removes a series for a moment, so they need not hold together.
pub(crate) async fn until_each_was_there<T: Debug>(
    what: &str,
    mut missing: Vec<T>,
    is_there: impl AsyncFn(&T) -> bool,
) {
    let all = until(PATIENCE, async || {
        let mut still = Vec::new();
        for it in missing.drain(..) {
            if !is_there(&it).await {
                still.push(it);
            }
        }
        missing = still;
        missing.is_empty().then_some(())
    })
    .await;
    assert!(all.is_some(), "{what}: {missing:#?}");
}

/// Values for Grafana's variables.
pub(crate) const VALUES: [(&str, &str); 5] = [
    ("job", ".+"),
    ("instance", ".+"),
    ("namespace", NAMESPACE),
    ("eventpipeline", PIPELINE),
    ("__rate_interval", "5s"),
];
