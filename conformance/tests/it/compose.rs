//! docker-compose.yaml without containers: its programs, commands and variables, and its nginx with its configuration. Only
//! the addresses differ: all programs share this machine, so names become addresses, and each has a free port.

use std::collections::BTreeMap;
use std::path::Path;

use eventpipeline_testkit::{Port, Program, client, eventually, nginx};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::support::{Pipeline, program};

const COMPOSE: &str = include_str!("../../../docker-compose.yaml");

/// The running services. nginx ends first: fields are dropped in order.
struct Compose {
    url: String,
    _nginx: Program,
    programs: BTreeMap<String, Program>,
    _front: Port,
    _addresses: Addresses,
    _folder: tempfile::TempDir,
}

/// Each `service:port` of the file with its port on this machine.
struct Addresses(BTreeMap<String, Port>);

impl Addresses {
    fn new(services: impl Iterator<Item = String>) -> Self {
        let ports = ["8080", "8081", "9090", "9091"];
        let addresses = services.flat_map(|service| ports.map(|port| format!("{service}:{port}")));
        Self(addresses.map(|address| (address, Port::take())).collect())
    }

    /// Replaces the addresses of the file by those of this machine.
    fn replace_in(&self, text: &str) -> String {
        let here = |port: &Port| port.address().to_string();
        self.0.iter().fold(text.to_owned(), |text, (there, port)| text.replace(there, &here(port)))
    }
}

impl Compose {
    async fn up() -> Self {
        let pipeline = Pipeline::start().await;
        let file: Value = serde_saphyr::from_str(COMPOSE).unwrap();
        let services: BTreeMap<&str, &Value> = file["services"]
            .as_object()
            .unwrap()
            .iter()
            // The agent reads the files of the database's container. Producers serve without it.
            .filter(|(_, service)| binary(service).is_some_and(|binary| binary != "eventpipeline-agent"))
            .map(|(name, service)| (name.as_str(), service))
            .collect();
        assert_eq!(
            services.keys().copied().collect::<Vec<_>>(),
            ["consumer-1", "consumer-2", "producer-1", "producer-2", "schema"]
        );
        let addresses = Addresses::new(services.keys().map(|&name| name.to_owned()));

        let mut schema = start("schema", services["schema"], &addresses, &pipeline);
        assert!(schema.end().await.success(), "{}", schema.log());
        let programs = services
            .iter()
            .filter(|(name, _)| **name != "schema")
            .map(|(name, service)| ((*name).to_owned(), start(name, service, &addresses, &pipeline)))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let front = Port::take();
        let listen = front.address().to_string();
        let configuration =
            addresses.replace_in(&interpolate(file["configs"]["nginx"]["content"].as_str().unwrap()));
        let nginx = start_nginx(folder.path(), &configuration, &listen);
        let url = format!("http://{listen}");
        Self { url, _nginx: nginx, programs, _front: front, _addresses: addresses, _folder: folder }
    }

    async fn send(&self, method: Method, path: &str) -> reqwest::Result<reqwest::Response> {
        client().request(method, format!("{}{path}", self.url)).send().await
    }

    /// Returns the producer that answers a request, if one does.
    async fn turn(&self) -> Option<String> {
        let response = self.send(Method::GET, "/").await.ok()?;
        let by = response.headers().get("x-served-by")?.to_str().ok()?.to_owned();
        (response.status() == StatusCode::OK).then_some(by)
    }

    /// Returns the producer that answers each of several requests.
    async fn turns(&self, requests: usize) -> Vec<Option<String>> {
        let mut turns = Vec::new();
        for _ in 0..requests {
            turns.push(self.turn().await);
        }
        turns
    }
}

/// Returns the name of our program that a service runs.
fn binary(service: &Value) -> Option<&str> {
    service["command"][0].as_str()?.strip_prefix('/')
}

/// Replaces `$$` and `${VARIABLE:-default}` as compose does if no variable is set.
fn interpolate(text: &str) -> String {
    let mut parts = text.split("${");
    let first = parts.next().unwrap().to_owned();
    let whole = parts.fold(first, |whole, part| {
        let (variable, rest) = part.split_once('}').unwrap();
        let (_, default) = variable.split_once(":-").unwrap();
        whole + default + rest
    });
    whole.replace("$$", "$")
}

/// Starts a service with its command and its variables on the test's database.
fn start(name: &str, service: &Value, addresses: &Addresses, pipeline: &Pipeline) -> Program {
    let path = program(binary(service).unwrap());
    let arguments =
        service["command"].as_array().unwrap()[1..].iter().map(|argument| argument.as_str().unwrap());
    let command: Vec<&str> = std::iter::once(path.to_str().unwrap()).chain(arguments).collect();
    let mut variables: BTreeMap<&str, String> = service["environment"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(variable, value)| {
            (variable.as_str(), addresses.replace_in(&interpolate(value.as_str().unwrap())))
        })
        .collect();
    if name != "schema" {
        for (variable, port) in [("LISTEN_ADDRESS", 8080), ("ADMIN_ADDRESS", 9090), ("WAKE_ADDRESS", 9091)] {
            variables.insert(variable, addresses.replace_in(&format!("{name}:{port}")));
        }
        variables.entry("PUBLIC_ADDRESS").and_modify(|address| {
            assert_eq!(address, "0.0.0.0:8081");
            *address = addresses.replace_in(&format!("{name}:8081"));
        });
    }
    variables.extend(pipeline.variables());
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Program::start("service", &command, &variables)
}

/// Starts nginx with the configuration of the compose file. Its image has these folders.
fn start_nginx(folder: &Path, configuration: &str, listen: &str) -> Program {
    let shown = folder.display();
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders = kinds.map(|kind| format!("  {kind}_temp_path {shown}/{kind};\n")).concat();
    let http = format!("http {{\n{folders}");
    let mut configuration = configuration.to_owned();
    for (there, here) in [("listen 80 ", format!("listen {listen} ")), ("http {\n", http)] {
        assert!(configuration.contains(there), "no {there:?} in {configuration}");
        configuration = configuration.replace(there, &here);
    }
    let file = folder.join("nginx.conf");
    std::fs::write(&file, format!("pid {shown}/nginx.pid;\n{configuration}")).unwrap();
    let (nginx, file) = (nginx(), file.to_str().unwrap().to_owned());
    let command = [nginx.to_str().unwrap(), "-c", &file, "-e", "stderr", "-g", "daemon off; user root;"];
    Program::start("nginx", &command, &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_compose_setup_works_and_survives_the_loss_of_a_producer() {
    let mut compose = Compose::up().await;
    eventually(async || compose.turn().await).await;
    // nginx skips a producer for some seconds if it did not answer.
    eventually(async || {
        let turns = compose.turns(4).await;
        let both = turns[0] != turns[1] && turns.iter().all(Option::is_some);
        (both && turns[0] == turns[2] && turns[1] == turns[3]).then_some(())
    })
    .await;

    let created = compose.send(Method::POST, "/create-sync").await.unwrap();
    assert_eq!(created.status(), StatusCode::CREATED);
    let body: Value = created.json().await.unwrap();
    assert!(!body["valor"].as_str().unwrap().is_empty(), "{body}");

    let refused = compose.send(Method::GET, "/v1/events").await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN, "nginx forwards only public requests");

    let killed = compose.programs.get_mut("producer-2").unwrap();
    killed.kill9();
    killed.end().await;
    let turns = compose.turns(20).await;
    assert!(turns.iter().all(|by| by.as_deref() == Some("producer-1")), "{turns:?}");
    let created = compose.send(Method::POST, "/create-sync").await.unwrap();
    assert_eq!(created.status(), StatusCode::CREATED);
}
