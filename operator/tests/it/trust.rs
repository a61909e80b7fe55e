//! The content and the rotation of Secrets, which the operator creates and can't read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use eventpipeline_crds::EventPipeline;
use eventpipeline_testkit::{Database, Engine, Options, Program};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{EnvVar, PodSpec, Secret};
use kube::ResourceExt as _;
use kube::api::{ListParams, ObjectMeta, PostParams};
use serde_json::json;

use super::cluster::{Cluster, until};
use super::operator::Operator;

/// Returns the Secrets of the pipeline by the suffix of their names.
async fn secrets(cluster: &Cluster) -> BTreeMap<String, BTreeMap<String, String>> {
    let list = cluster.api::<Secret>().list(&ListParams::default()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let data =
        |secret: Secret| secret.data.unwrap().into_iter().map(|(key, value)| (key, text(value.0))).collect();
    list.into_iter().map(|secret| (secret.name_any().replacen("demo-mysql", "", 1), data(secret))).collect()
}

fn generation(generation: u32) -> serde_json::Value {
    json!({"database": {"managed": {"passwordGeneration": generation}}})
}

fn variables(pod: &PodSpec) -> BTreeMap<String, String> {
    let value = |variable: &EnvVar| Some((variable.name.clone(), variable.value.clone()?));
    pod.containers[0].env.iter().flatten().filter_map(value).collect()
}

async fn job(cluster: &Cluster, generation: &str) -> Option<PodSpec> {
    let jobs = cluster.api::<Job>().list(&ListParams::default()).await.unwrap();
    let pods = jobs.into_iter().filter_map(|job| job.spec.unwrap().template.spec);
    pods.into_iter().find(|pod| variables(pod)["ACCOUNTS_GENERATION"] == generation)
}

async fn user(cluster: &Cluster, deployment: &str) -> Option<String> {
    let deployment = cluster.api::<Deployment>().get(deployment).await.ok()?;
    variables(&deployment.spec?.template.spec?).remove("DATABASE_USER")
}

#[tokio::test]
async fn secrets_can_only_be_created() {
    let cluster = Cluster::new("secrets").await;
    let may = |verb: &str| {
        let asked = ["auth", "can-i", verb, "secrets", "-n", "secrets", "--as", "eventpipeline-operator"];
        cluster.server.kubectl(asked).is_ok_and(|answer| answer.trim() == "yes")
    };
    assert!(may("create"));
    // The response to a patch contains the whole object, and deletions could be abused as well.
    for verb in ["get", "list", "watch", "update", "patch", "delete", "deletecollection"] {
        assert!(!may(verb), "{verb}");
    }
}

#[tokio::test]
async fn new_passwords_use_a_new_secret_and_do_not_restart_the_database() {
    let cluster = Cluster::new("rotation").await;
    let _operator = Operator::ready(cluster.server, "rotation").await;
    cluster.apply("demo", generation(1)).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    let (first, mysql) =
        (secrets(&cluster).await, cluster.api::<StatefulSet>().get("demo-mysql").await.unwrap());
    assert_eq!(user(&cluster, "demo-producer-default").await.unwrap(), "eventpipeline_producer_1");

    cluster.apply("demo", generation(2)).await.unwrap();
    for (deployment, wanted) in [
        ("demo-producer-default", "eventpipeline_producer_2"),
        ("demo-consumer-default", "eventpipeline_consumer_2"),
    ] {
        until(wanted, async || (user(&cluster, deployment).await.as_deref() == Some(wanted)).then_some(()))
            .await;
    }
    until("the first Job to be deleted", async || job(&cluster, "1").await.is_none().then_some(())).await;
    job(&cluster, "2").await.unwrap();
    let mut second = secrets(&cluster).await;
    let new = second.remove("-users-2").unwrap();
    // The other Secrets are unchanged. The old one stays, because pods that are not replaced yet need it.
    assert_eq!(second, first);
    for password in new.values() {
        assert!(!first["-users-1"].values().any(|before| before == password));
    }
    let same = cluster.api::<StatefulSet>().get("demo-mysql").await.unwrap();
    assert_eq!((same.uid(), same.metadata.generation), (mysql.uid(), mysql.metadata.generation));

    let error = cluster.apply("demo", generation(1)).await.unwrap_err();
    assert!(error.contains("`passwordGeneration` must not decrease"), "{error}");
}

/// Earlier versions had one user for all programs, and the data was created with its Secret.
#[tokio::test]
async fn a_secret_of_an_earlier_version_is_adopted() {
    let cluster = Cluster::new("former").await;
    let data = [("password", "of all"), ("root-password", "of root")];
    let former = Secret {
        metadata: ObjectMeta { name: Some("demo-mysql".to_owned()), ..ObjectMeta::default() },
        string_data: Some(data.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
        ..Secret::default()
    };
    cluster.api::<Secret>().create(&PostParams::default(), &former).await.unwrap();
    let operator = Operator::ready(cluster.server, "former").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    let all = secrets(&cluster).await;
    assert_eq!(all[""], data.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    assert_eq!(all.len(), 4);
    assert_eq!(operator.reconciles("error"), 0);
}

#[tokio::test]
async fn a_recreated_pipeline_adopts_the_secrets_of_its_data() {
    let cluster = Cluster::new("comes-back").await;
    let _operator = Operator::ready(cluster.server, "comes-back").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    let before = secrets(&cluster).await;
    cluster.delete::<EventPipeline>("demo").await;
    cluster.apply("demo", json!({})).await.unwrap();
    // The certificate is the pipeline's own and is created last. No garbage collector deletes the former one
    // here.
    let more = async || Some(secrets(&cluster).await).filter(|all| all.len() > before.len());
    let mut after = until("a certificate of the new pipeline", more).await;
    assert_eq!(after.len(), before.len() + 1);
    after.retain(|name, _| before.contains_key(name));
    assert_eq!(after, before);
}

/// A real mysqld accepts the certificate and the statements; a real producer trusts it and logs in.
#[tokio::test]
async fn mysqld_and_the_programs_accept_the_content_of_the_secrets() {
    let cluster = Cluster::new("content").await;
    let _operator = Operator::ready(cluster.server, "content").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &secrets(&cluster).await);
    let mysql = cluster.api::<StatefulSet>().get("demo-mysql").await.unwrap();
    let pod = mysql.spec.unwrap().template.spec.unwrap();
    let arguments = pod.containers[0].args.iter().flatten().skip(1);
    let arguments = arguments
        .map(|argument| argument.replace("/etc/eventpipeline/mysql", folder.path().to_str().unwrap()));
    let options = Options { arguments: arguments.collect(), ..Options::default() };
    let server = Database::start_with(Engine::MySql, options).await;

    let schema = job(&cluster, "1").await.unwrap();
    let ended = run(&["schema"], variables(&schema), "schema", &server, folder.path()).end().await;
    assert!(ended.success());
    let producer = cluster.api::<Deployment>().get("demo-producer-default").await.unwrap();
    let mut producer = variables(&producer.spec.unwrap().template.spec.unwrap());
    producer.insert("LISTEN_ADDRESS".to_owned(), "127.0.0.1:0".to_owned());
    run(&["serve"], producer, "producer", &server, folder.path()).line("database is ready").await;
}

/// Writes the files of the pods' volumes: those of mysqld into the folder itself, those of programs into
/// subfolders.
fn write_files(folder: &Path, secrets: &BTreeMap<String, BTreeMap<String, String>>) {
    let tls = secrets.iter().find(|(name, _)| name.starts_with("-tls-")).unwrap().1;
    let users = &secrets["-users-1"];
    for program in ["schema/accounts", "producer"] {
        fs::create_dir_all(folder.join(program)).unwrap();
    }
    for (path, text) in [
        ("ca.crt", &tls["ca.crt"]),
        ("tls.crt", &tls["tls.crt"]),
        ("tls.key", &tls["tls.key"]),
        ("init.sql", &secrets["-schema"]["init.sql"]),
        ("schema/ca.crt", &tls["ca.crt"]),
        ("schema/password", &secrets["-schema"]["password"]),
        ("schema/accounts/producer-password", &users["producer-password"]),
        ("schema/accounts/consumer-password", &users["consumer-password"]),
        ("producer/ca.crt", &tls["ca.crt"]),
        ("producer/password", &users["producer-password"]),
    ] {
        fs::write(folder.join(path), text).unwrap();
    }
}

/// Runs the producer as its pod would, but on this machine. The certificate is also valid for
/// `localhost`.
fn run(
    command: &[&str],
    variables: BTreeMap<String, String>,
    program: &str,
    server: &Database,
    folder: &Path,
) -> Program {
    let path =
        Path::new(env!("CARGO_BIN_EXE_eventpipeline-operator")).with_file_name("eventpipeline-producer");
    assert!(path.exists(), "build it by `cargo build -p eventpipeline-producer`");
    let mut variables = variables;
    variables.insert("DATABASE_HOST".to_owned(), "localhost".to_owned());
    variables.insert("DATABASE_PORT".to_owned(), server.port().to_string());
    variables.insert("ADMIN_ADDRESS".to_owned(), "127.0.0.1:0".to_owned());
    variables.insert("WAKE_ADDRESS".to_owned(), "127.0.0.1:0".to_owned());
    variables.insert("WAKE_PEERS".to_owned(), "127.0.0.1:1".to_owned());
    let own = folder.join(program);
    let here = |value: &String| value.replace("/etc/eventpipeline/database", own.to_str().unwrap());
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.clone(), here(value))).collect();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Program::start("producer", &[&[path.to_str().unwrap()], command].concat(), &variables)
}
