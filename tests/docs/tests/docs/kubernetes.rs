//! Objects of Kubernetes, on a real API server.

use eventpipeline_testkit::ApiServer;
use serde_json::Value;

use crate::report::{Report, root};

/// API groups of other projects whose definitions are not at hand.
const FOREIGN: [&str; 10] = [
    "argoproj.io",
    "cert-manager.io",
    "external-secrets.io",
    "gateway.envoyproxy.io",
    "helm.toolkit.fluxcd.io",
    "keda.sh",
    "kustomize.toolkit.fluxcd.io",
    "kyverno.io",
    "projectcontour.io",
    "source.toolkit.fluxcd.io",
];

/// Lets the API server validate all objects that the report has collected, strictly and without storing them.
pub(crate) async fn check(report: &mut Report) {
    let server = ApiServer::start().await;
    let definitions = [root().join("crds/eventpipeline.yaml"), eventpipeline_testkit::definitions()];
    for path in &definitions {
        server.kubectl(["create", "--filename", path.to_str().unwrap()]).unwrap();
    }
    server.established(&["crd", "--all"]).unwrap();
    for (place, mut object) in std::mem::take(&mut report.objects) {
        let group =
            object["apiVersion"].as_str().and_then(|version| version.split_once('/')).map(|(group, _)| group);
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        let is_foreign = group.is_some_and(|group| FOREIGN.contains(&group)) || kind == "Gateway";
        if !is_foreign {
            // The reader's namespaces do not exist here.
            object["metadata"].as_object_mut().and_then(|metadata| metadata.remove("namespace"));
            report.add("object", &place, validate(&server, &object).map_err(|why| format!("{kind}: {why}")));
        }
    }
}

fn validate(server: &ApiServer, object: &Value) -> Result<(), String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), object.to_string()).unwrap();
    let path = file.path().to_str().unwrap();
    server.kubectl(["apply", "--dry-run=server", "--validate=strict", "--filename", path]).map(drop)
}
