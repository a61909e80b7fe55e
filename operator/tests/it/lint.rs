//! `lint` and `diff` report the same refusals as the API server.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use eventpipeline_crds::EventPipeline;
use http::Request;
use http::request::Builder;
use kube::api::PostParams;
use kube::{Resource as _, ResourceExt as _};
use serde_json::{Value, json};

use super::cluster::{Cluster, crds};

/// Specs with several errors, or with unusual ones.
const MORE: &[&str] = &[
    "{producers: [{name: A, replicas: 0}, {name: b, replicas: 2000, image: 'a b'}]}",
    "{producers: [{name: a, replicas: '1'}, {name: b, replicas: true}, {name: c, replicas: [1]}, {name: d, replicas: {}}]}",
    "{producers: [{name: 1}, {name: null}, {name: [a]}, {name: {}}, {name: false}]}",
    "{producers: {}, consumers: none}",
    "{producers: null, suspend: null, database: null, route: null}",
    "{producers: [null, a, 1]}",
    "{consumers: [{name: a, types: [a, a, '*', 1, null, ''], contract: Classic}, {name: b, types: a}]}",
    "{consumers: [{name: a, types: [a, a, b, b, '*', '']}]}",
    "{producers: [{name: a, replicas: 3000000000}]}",
    "{producers: [{name: a, terminationGracePeriodSeconds: 1.5}]}",
    "{producers: [{name: a, env: [{name: A, value: b}, {name: A, value: c}, {name: A, value: d}, {name: B}, {name: '1'}]}]}",
    "{producers: [{name: a, resources: {limits: {cpu: 0.5, memory: true}}}]}",
    "{producers: [{name: a, resources: {limits: {cpu: '.5', memory: 1.5Gi}}}]}",
    "{producers: [{name: a, resources: {limits: {cpu: '1.5e0', memory: 0.5Gi}}}]}",
    "{producers: [{name: a, resources: {limits: {cpu: 1, memory: '1e9'}}}]}",
    "{producers: [{name: a, resources: {limits: {cpu: '1.', memory: 134217728000m}}}]}",
    "{producers: [{name: a, resources: {limits: {cpu: 0, memory: 1Pi}}}]}",
    "{producers: [{name: a, resources: {limits: {cpu: -1, memory: 1Gib}}}]}",
    "{producers: [{name: a, resources: {limits: {cpu: '1e', memory: '1.2.3'}}}]}",
    "{producers: [{name: a, resources: {requests: {cpu: much, memory: 2Gi}, limits: {cpu: 1, memory: 1.5Gi}}}]}",
    "{database: {managed: {resources: {limits: {memory: 0.9Gi}}, storage: {size: 1.5Gi}}}}",
    "{database: {managed: {resources: {limits: {memory: lots}}, storage: {size: 10737418240}}}}",
    "{database: {managed: {storage: {size: 0.5Ti, accessMode: ReadWriteOnce}}}}",
    "{database: {managed: {storage: {size: 0.5Gi, accessMode: readWriteOnce}}}}",
    "{networkPolicy: {egress: [10.0.0.0/8, '2001:db8::/32']}}",
    "{networkPolicy: {egress: [10.0.0.0, 10.0.0.0/33, '', a]}}",
    "{schemaJob: {resources: {limits: {cpu: x}}, pod: {}}}",
    "{schemaJob: {resources: {limits: {cpu: x}}}}",
    "{producers: [{name: a, resources: {requests: {cpu: 2, memory: 123}, limits: {cpu: '1500m', memory: 64}}}]}",
    "{producers: [{name: a, pod: {labels: {a: 1, 'b c': d, app.kubernetes.io/name: x}, nodeSelector: {}}}]}",
    "{producers: [{name: a, autoscaling: {}}, {name: a, autoscaling: {cpu: {maxReplicas: 1}, external: {}}, replicas: 1}]}",
    "{consumers: [{name: a, handler: {http: {url: 'https://', timeoutSeconds: 0}}}]}",
    "{consumers: [{name: a, handler: {http: {url: ''}}}]}",
    "{consumers: [{name: a, leaseSeconds: 10, handler: {http: {url: 'http://a', timeoutSeconds: 10}}}]}",
    "{consumers: [{name: a, handler: null, concurrency: null, backoff: {initialSeconds: 700}}]}",
    "{consumers: [{name: a, command: [], pod: {tolerations: [{effect: no}, {effect: 5}]}}]}",
    "{database: {managed: {storage: {size: 1}}, external: {secretName: A}}, route: {}}",
    "{database: {managed: {config: {A: b, loose_x: y, sync_binlog: '1', x: \"a\\tb\"}}}}",
    "{database: {managed: {deletionPolicy: delete, storage: {size: 0Gi, className: null}}}}",
    "{route: {httpRoute: {hostnames: [a, a, a, 'B'], parentRefs: []}}}",
    "{route: {ingress: {path: 'a//b', tls: {}}, none: {}}}",
    "{route: {ingress: {path: 'a//b', tls: {}, anyHost: 1}, httpRoute: {}, operations: 'no'}}",
    "{route: {ingress: {anyHost: true, host: a, path: /v1/x}, httpRoute: {parentRefs: [{name: a}], path: /2}}}",
    "{retention: {doneSeconds: 1, deadSeconds: 99999999999}, networkPolicy: {mode: on}}",
    "{suspend: 'true', nonsense: 1, database: {managed: {nonsense: 1, storage: {nonsense: {a: 1}}}}}",
    "[]",
    "null",
    "{}",
];

const NAMES: &[&str] =
    &["Demo", "-a", "a.", "a_b", "1a", "a-producer", "abcdefghijklmnopqrstuvwxyzabcdefghij", ""];

#[tokio::test]
async fn lint_refuses_the_same_pipelines_with_the_same_messages() {
    let cluster = Cluster::new("lint").await;
    let mut wrong = Vec::new();
    for (name, text) in cases() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pipeline.yaml");
        fs::write(&file, &text).unwrap();
        let (ours, theirs) = (lint(&file), refusals_of_a_new_one(&cluster, &text).await);
        if ours != theirs {
            wrong.push(format!(
                "{name}:\n  only ours: {:#?}\n  only the server's: {:#?}",
                ours.difference(&theirs).collect::<Vec<_>>(),
                theirs.difference(&ours).collect::<Vec<_>>()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Invalid and valid changes.
const CHANGES: &[(&str, &str)] = &[
    ("{}", "{database: {external: {secretName: a}}}"),
    ("{database: {managed: {storage: {size: 2Gi}}}}", "{}"),
    ("{database: {managed: {storage: {size: 2Gi}}}}", "{database: {managed: {storage: {size: 2048Mi}}}}"),
    ("{}", "{database: {managed: {storage: {className: fast}}}}"),
    ("{}", "{database: {managed: {storage: {accessMode: ReadWriteOnce}}}}"),
    ("{database: {managed: {storage: {size: 2Gi}}}}", "{database: {managed: {storage: {size: 2.5Gi}}}}"),
    ("{database: {managed: {storage: {size: 2Gi}}}}", "{database: {managed: {storage: {size: much}}}}"),
    (
        "{database: {managed: {storage: {className: fast}}}}",
        "{database: {managed: {storage: {className: slow, size: 3Gi}}}}",
    ),
    ("{database: {managed: {passwordGeneration: 2}}}", "{database: {managed: {}}}"),
    (
        "{database: {managed: {passwordGeneration: 2}}}",
        "{database: {managed: {passwordGeneration: 9, storage: {size: 9Gi}}}}",
    ),
    ("{}", "{producers: [{name: a, replicas: 0}], consumers: [{name: b}], suspend: true}"),
];

#[tokio::test]
async fn diff_refuses_the_same_changes() {
    let cluster = Cluster::new("changes").await;
    let folder = tempfile::tempdir().unwrap();
    for (at, (old, new)) in CHANGES.iter().enumerate() {
        let name = format!("demo-{at}");
        let [old, new] = [old, new].map(|spec| yaml(&name, spec));
        let files = ["old.yaml", "new.yaml"].map(|file| folder.path().join(file));
        fs::write(&files[0], &old).unwrap();
        fs::write(&files[1], &new).unwrap();
        let output =
            run(&["diff", "--output", "json", files[0].to_str().unwrap(), files[1].to_str().unwrap()]);
        let effects: Value = serde_json::from_slice(&output.stdout).unwrap();
        let refusals = effects[0]["refusals"].as_array().unwrap().iter();
        let ours: BTreeSet<_> = refusals
            .map(|refusal| {
                formatted(refusal["field"].as_str().unwrap(), refusal["message"].as_str().unwrap())
            })
            .collect();

        let api = cluster.api::<EventPipeline>();
        let old = serde_saphyr::from_str(&old).unwrap();
        let there = api.create(&PostParams::default(), &old).await.unwrap();
        let mut object: Value = serde_saphyr::from_str(&new).unwrap();
        object["metadata"]["resourceVersion"] = json!(there.resource_version());
        let url = EventPipeline::url_path(&(), Some(&cluster.namespace));
        let request = Request::put(format!("{url}/{name}?dryRun=All&fieldValidation=Strict"));
        assert_eq!(ours, refusals_of_the_server(&cluster, request, &object).await, "{new}");
        assert_eq!(output.status.code(), Some(i32::from(!ours.is_empty())));
    }
}

fn yaml(name: &str, spec: &str) -> String {
    let name = json!(name);
    format!(
        "apiVersion: eventpipeline.dev/v1alpha1\nkind: EventPipeline\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )
}

fn cases() -> Vec<(String, String)> {
    let mut cases: Vec<_> = fs::read_dir(crds().join("invalid"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap()))
        .collect();
    assert!(cases.len() > 80, "{}", cases.len());
    cases.extend(MORE.iter().map(|spec| ((*spec).to_owned(), yaml("demo", spec))));
    cases.extend(NAMES.iter().map(|name| ((*name).to_owned(), yaml(name, "{}"))));
    cases
}

/// Returns each `field: message` of the errors.
fn lint(file: &Path) -> BTreeSet<String> {
    let output = run(&["lint", "--output", "json", file.to_str().unwrap()]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let errors: BTreeSet<_> = findings
        .filter(|finding| finding["severity"] == "error")
        .map(|finding| formatted(finding["field"].as_str().unwrap(), finding["message"].as_str().unwrap()))
        .collect();
    assert_eq!(output.status.code(), Some(i32::from(!errors.is_empty())));
    // The API server reports an unknown field without any other errors.
    let unknown: BTreeSet<_> =
        errors.iter().filter(|error| error.contains("unknown field")).cloned().collect();
    if unknown.is_empty() { errors } else { unknown }
}

fn formatted(field: &str, message: &str) -> String {
    // The API server's name of the object itself.
    let field = if field == "<nil>" { "" } else { field };
    // CEL implementations differ in their messages about rules that they can't evaluate.
    match message.split_once(" evaluating rule: ") {
        Some((_, rule)) => format!("{field}: can't judge: {rule}"),
        None => format!("{field}: {message}"),
    }
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_eventpipeline-operator")).args(arguments).output().unwrap()
}

async fn refusals_of_a_new_one(cluster: &Cluster, yaml: &str) -> BTreeSet<String> {
    let object: Value = serde_saphyr::from_str(yaml).unwrap();
    let url = EventPipeline::url_path(&(), Some(&cluster.namespace));
    let request = Request::post(format!("{url}?dryRun=All&fieldValidation=Strict"));
    refusals_of_the_server(cluster, request, &object).await
}

async fn refusals_of_the_server(cluster: &Cluster, request: Builder, object: &Value) -> BTreeSet<String> {
    let request =
        request.header("content-type", "application/json").body(serde_json::to_vec(object).unwrap()).unwrap();
    match cluster.client.request::<Value>(request).await {
        Ok(_) => BTreeSet::new(),
        Err(kube::Error::Api(status)) => {
            let causes = status.details.as_ref().map(|details| details.causes.clone()).unwrap_or_default();
            if causes.is_empty() {
                let (_, fields) = status
                    .message
                    .split_once("strict decoding error: ")
                    .unwrap_or_else(|| panic!("{status:?}"));
                return fields
                    .split(", ")
                    .map(|error| formatted(error.split('"').nth(1).unwrap(), error))
                    .collect();
            }
            causes
                .iter()
                // `lint` does not report that it has stopped.
                .filter(|cause| !cause.message.contains("some validation rules were not checked"))
                .map(|cause| formatted(&cause.field, &cause.message))
                .collect()
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn pipelines_in_all_files_that_claim_the_same_host_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, name: &str, route: &str| {
        let path = folder.path().join(file);
        fs::write(&path, yaml(name, &format!("{{route: {{ingress: {route}}}}}"))).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let files = [
        write("a.yaml", "first", "{host: a.example}"),
        write("b.yaml", "second", "{host: a.example, path: /}"),
        write("c.yaml", "third", "{host: a.example, path: /third}"),
        write("d.yaml", "first", "{host: a.example}"),
    ];
    let arguments: Vec<&str> = ["lint"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let warning: Vec<_> = text.lines().filter(|line| line.contains("spec.route:")).collect();
    let [warning, again] = warning[..] else { panic!("{text}") };
    assert!(
        warning.starts_with(&format!("{}: second: warning: spec.route: first in {}", files[1], files[0])),
        "{warning}"
    );
    assert!(warning.contains("also claims path / of host a.example"), "{warning}");
    assert!(again.starts_with(&format!("{}: first: warning: spec.route: second in", files[3])), "{again}");
}
