//! The Kubernetes API with the pipelines' resources, and two operators. Nothing runs the objects of the operator, so their
//! statuses are written as controllers and nodes would write them for ready pods.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use eventpipeline_testkit::{ApiServer, Program};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const NAMESPACE: &str = "eventpipeline-system";
/// Interval between changes of a pipeline, each of which the operator reconciles.
const PACE: Duration = Duration::from_secs(3);

pub(crate) struct Cluster {
    operators: Vec<Program>,
    _controllers: JoinSet<()>,
}

impl Cluster {
    pub(crate) async fn start(
        programs: &Path,
        pipelines: &[(&'static str, &'static str)],
    ) -> anyhow::Result<Self> {
        let server = ApiServer::shared().await;
        let kubectl = |arguments: &[&str]| {
            server.kubectl(arguments.iter().copied()).map_err(|error| anyhow!("kubectl: {error}"))
        };
        let definition = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crds/eventpipeline.yaml");
        kubectl(&["apply", "--server-side", "-f", definition])?;
        server
            .established(&["crd/eventpipelines.eventpipeline.dev"])
            .map_err(|error| anyhow!("the CRD: {error}"))?;
        let folder = tempfile::tempdir()?;
        let namespace =
            |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let mut items = vec![namespace(NAMESPACE), namespace("shop"), namespace("media")];
        items.extend(pipelines.iter().map(|(namespace, name)| {
            json!({
                "apiVersion": "eventpipeline.dev/v1alpha1", "kind": "EventPipeline",
                "metadata": {"name": name, "namespace": namespace}, "spec": {},
            })
        }));
        let file = folder.path().join("objects.json");
        std::fs::write(&file, json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string())?;
        kubectl(&["apply", "-f", &file.display().to_string()])?;

        let operators = ["a", "b"].map(|pod| operator(programs, server, pod)).into();
        let mut controllers = JoinSet::new();
        let mut pace = tokio::time::interval(PACE);
        controllers.spawn(async move {
            for number in 0_u64.. {
                pace.tick().await;
                // A conflict with a write of the operator is tried again in the next round.
                let _ = tokio::task::spawn_blocking(move || statuses(server, number)).await;
            }
        });
        Ok(Self { operators, _controllers: controllers })
    }

    /// Returns the pods and the addresses of the metrics of the operators.
    pub(crate) async fn admins(&self) -> Vec<(String, SocketAddr)> {
        let mut admins = Vec::new();
        for (operator, pod) in self.operators.iter().zip(["a", "b"]) {
            let address = operator.address("the admin server listens").await;
            admins.push((format!("eventpipeline-operator-{pod}"), address));
        }
        admins
    }

    /// Kills the operator that logged that it acquired the Lease.
    pub(crate) fn kill_the_leader(&self) {
        let leader = self.operators.iter().find(|it| it.log().contains("leading"));
        if let Some(leader) = leader {
            leader.kill9();
        }
    }
}

fn operator(programs: &Path, server: &ApiServer, pod: &str) -> Program {
    let path = programs.join("eventpipeline-operator").display().to_string();
    let command = [path.as_str(), "serve", "--image", "registry.example/eventpipeline:test"];
    let kubeconfig = server.kubeconfig().display().to_string();
    let environment = [
        ("KUBECONFIG", kubeconfig.as_str()),
        ("POD_NAME", &format!("eventpipeline-operator-{pod}")),
        ("ADMIN_ADDRESS", "127.0.0.1:0"),
        ("LEASE_NAMESPACE", NAMESPACE),
    ];
    Program::start("operator", &command, &environment)
}

/// Writes the statuses of all workloads, and changes an annotation of all pipelines.
fn statuses(server: &ApiServer, number: u64) -> anyhow::Result<()> {
    let kubectl =
        |arguments: &[&str]| server.kubectl(arguments.iter().copied()).map_err(|error| anyhow!(error));
    let changed = format!("example.com/changed={number}");
    kubectl(&["annotate", "eventpipelines", "--all", "--all-namespaces", "--overwrite", &changed])?;
    let listed = kubectl(&["get", "deployments,statefulsets,jobs", "-A", "-o", "json"])?;
    let listed: Value = serde_json::from_str(&listed)?;
    for object in listed["items"].as_array().context("a list")? {
        let status = ready(object);
        let written = |field: &str| object["status"][field] == status[field];
        if written("observedGeneration") && written("succeeded") {
            continue;
        }
        let [kind, name, namespace] =
            [&object["kind"], &object["metadata"]["name"], &object["metadata"]["namespace"]]
                .map(|it| it.as_str().unwrap_or_default());
        let patch = json!({"status": status}).to_string();
        kubectl(&[
            "patch",
            "-n",
            namespace,
            kind,
            name,
            "--subresource=status",
            "--type=merge",
            "-p",
            &patch,
        ])?;
    }
    Ok(())
}

/// Returns the status of a workload whose pods are ready.
fn ready(object: &Value) -> Value {
    let (generation, replicas) = (&object["metadata"]["generation"], &object["spec"]["replicas"]);
    let (start, end) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z");
    let condition = |type_: &str| json!({"type": type_, "status": "True", "lastTransitionTime": end});
    match object["kind"].as_str() {
        Some("Job") => json!({
            "startTime": start, "completionTime": end, "succeeded": 1,
            "conditions": [condition("SuccessCriteriaMet"), condition("Complete")],
        }),
        Some("StatefulSet") => json!({
            "observedGeneration": generation, "replicas": replicas, "readyReplicas": replicas,
            "currentRevision": "a", "updateRevision": "a",
        }),
        _ => json!({
            "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas,
        }),
    }
}
