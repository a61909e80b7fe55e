//! Ready pods of a pipeline, and servers on addresses of this machine that answer for them.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::cluster::Cluster;

/// The admin port, to which the operator sends its requests.
const PORT: u16 = 9090;

/// A server with pages by path, on an address of its own.
pub(crate) struct Program {
    address: Ipv4Addr,
    pages: Arc<Mutex<HashMap<&'static str, Value>>>,
}

impl Program {
    /// Listens until the process ends.
    pub(crate) fn start() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        // Each process has its own part of 127.0.0.0/8, because tests run in parallel.
        let process = 1 + u8::try_from(std::process::id() % 250).unwrap();
        let address = Ipv4Addr::new(127, process, number[0], number[1]);
        let listener = TcpListener::bind((address, PORT)).unwrap();
        let pages = Arc::new(Mutex::new(HashMap::new()));
        let answers = Arc::clone(&pages);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // The client may disconnect before the response.
                let _ = answer(stream, &answers);
            }
        });
        Self { address, pages }
    }

    /// Sets the content of a page.
    pub(crate) fn set_page(&self, path: &'static str, page: Value) {
        self.pages.lock().unwrap().insert(path, page);
    }

    /// Removes all pages.
    pub(crate) fn remove_pages(&self) {
        self.pages.lock().unwrap().clear();
    }
}

fn answer(mut stream: TcpStream, pages: &Mutex<HashMap<&'static str, Value>>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut request = [0; 1024];
    let read = stream.read(&mut request)?;
    let request = String::from_utf8_lossy(&request[..read]).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let page = pages.lock().unwrap().get(path).map(Value::to_string);
    let (status, body) = match page {
        Some(page) => ("200 OK", page),
        None => ("503 Service Unavailable", "no".to_owned()),
    };
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// Creates a ready pod of the component `kind`, which is `producer` or `consumer`.
pub(crate) async fn pod(cluster: &Cluster, name: &str, (pipeline, kind): (&str, &str), program: &Program) {
    let pod = json!({
        "metadata": {"name": name, "labels": {
            "app.kubernetes.io/managed-by": "eventpipeline-operator", "app.kubernetes.io/instance": pipeline,
            "app.kubernetes.io/component": kind, "eventpipeline.dev/group": "default",
        }},
        "spec": {"containers": [{"name": kind, "image": "x"}]},
    });
    let pod: Pod = serde_json::from_value(pod).unwrap();
    cluster.api().create(&PostParams::default(), &pod).await.unwrap();
    let address = program.address.to_string();
    let status = json!({
        "phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
    });
    cluster.write_status::<Pod>(name, status).await;
}

/// Returns a producer's queue statistics.
pub(crate) fn queue(pending: i64, processing: i64, oldest_seconds: Option<f64>) -> Value {
    json!({
        "created": 1000, "pending": pending, "scheduled": 5, "blocked": 4, "processing": processing, "done": 7, "dead": 1,
        "cancelled": 0, "removed": 0, "oldestPendingSeconds": oldest_seconds,
    })
}

/// Returns a producer's report on a volume of 10 GiB.
pub(crate) fn storage(free_bytes: i64, refusing: bool) -> Value {
    json!({
        "refusing": refusing, "capacityBytes": 10_i64 << 30, "freeBytes": free_bytes, "reusableBytes": 0,
        "requiredBytes": 1_i64 << 29, "secondsToFull": null,
    })
}
