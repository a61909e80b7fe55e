//! Service accounts, pull Secrets, volumes and sidecars of pods.

use insta::assert_yaml_snapshot;
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
use serde_json::{Value, json};

use super::super::build::build;
use super::super::validate::UserIds;
use super::{IMAGE, Timestamp, prepared, validation, with_spec};

/// A database behind a proxy that is a sidecar of each pod.
const PROXY: &str = r#"{
  database: {external: {secretName: cloud, proxyPort: 3306}},
  producers: [{name: a, pod: &proxy {
    labels: {team: data},
    serviceAccountName: cloud-sql,
    imagePullSecrets: [{name: mirror}],
    volumes: [
      {name: config, configMap: {name: proxy, items: [{key: a, path: b/c}], optional: true}},
      {name: key, secret: {secretName: key}},
      {name: cache, emptyDir: {sizeLimit: 1Gi}},
      {name: memory, emptyDir: {sizeLimit: 8Mi, medium: Memory}},
      {name: token, projected: {sources: [
        {serviceAccountToken: {audience: vault, path: token}}, {secret: {name: more}}, {configMap: {name: more}},
      ]}},
      {name: store, csi: {driver: secrets-store.csi.k8s.io, readOnly: true, volumeAttributes: {secretProviderClass: a}}},
      {name: shared, persistentVolumeClaim: {claimName: shared, readOnly: true}},
    ],
    volumeMounts: [{name: config, mountPath: /config, subPath: b, readOnly: true}],
    initContainers: [
      {name: first, image: "first:1", command: [run], args: [now], resources: {limits: {memory: 32Mi}},
        securityContext: {runAsUser: 1000, runAsGroup: 1000, readOnlyRootFilesystem: false, runAsNonRoot: true,
          privileged: false, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}},
      {name: proxy, image: "proxy:2", restartPolicy: Always,
        env: [{name: A, value: b}, {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}],
        volumeMounts: [{name: cache, mountPath: /tmp}, {name: key, mountPath: /key}],
        startupProbe: {httpGet: {path: /startup, port: 9801}, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 60},
        livenessProbe: {tcpSocket: {port: 3306}}},
    ],
  }}],
  consumers: [{name: a, pod: *proxy}],
}"#;

fn schema_job(spec: &str) -> PodTemplateSpec {
    prepared(&with_spec(spec)).schema_job.spec.unwrap().template
}

fn names(pod: &PodSpec) -> Vec<&str> {
    pod.init_containers.iter().flatten().map(|container| container.name.as_str()).collect()
}

#[test]
fn a_proxy_in_each_pod_reaches_an_external_database() {
    let resources = prepared(&with_spec(PROXY));
    assert_yaml_snapshot!("proxy_producer_deployments", resources.producer_deployments);
    let pods = resources.producer_deployments.iter().chain(&resources.consumer_deployments);
    let pods = pods.map(|group| group.spec.clone().unwrap().template.spec.unwrap());
    let job = resources.schema_job.spec.clone().unwrap().template;
    assert_eq!(job.metadata.unwrap().labels.unwrap()["team"], "data");
    for pod in pods.chain(job.spec) {
        assert_eq!(names(&pod), ["first", "proxy"]);
        assert_eq!(pod.service_account_name.as_deref(), Some("cloud-sql"));
        let program = &pod.containers[0];
        let variables = serde_json::to_value(&program.env).unwrap();
        let value = |name: &str| {
            let variables = variables.as_array().unwrap().iter();
            variables.filter(|it| it["name"] == name).map(|it| it["value"].clone()).collect::<Vec<Value>>()
        };
        assert_eq!(value("DATABASE_HOST"), ["127.0.0.1"]);
        assert_eq!(value("DATABASE_PORT"), ["3306"]);
        assert_eq!(value("DATABASE_TLS"), ["preferred"]);
        assert_eq!(value("DATABASE_TLS_CA_FILE"), Vec::<Value>::new());
        let limits = program.resources.as_ref().unwrap().limits.as_ref().unwrap();
        let disk: u64 = limits["ephemeral-storage"].0.parse().unwrap();
        assert!(disk > 1 << 30 && disk < 2 << 30, "{disk}: only the volume on the disk counts");
    }
}

#[test]
fn the_schema_job_has_neither_the_identity_nor_the_sidecars_of_a_managed_database() {
    let database = "{database: {managed: {pod: {
        priorityClassName: high, serviceAccountName: backup, imagePullSecrets: [{name: mirror}],
        volumes: [{name: a, secret: {secretName: a}}], volumeMounts: [{name: a, mountPath: /a}],
        initContainers: [{name: exporter, image: a, restartPolicy: Always}]}}}";
    let job = schema_job(&format!("{database}}}")).spec.unwrap();
    assert_eq!((names(&job).len(), job.service_account_name.as_deref()), (0, None));
    assert_eq!(job.volumes.unwrap().len(), 2);
    assert_eq!(job.priority_class_name.as_deref(), Some("high"));
    assert_eq!(job.image_pull_secrets.unwrap()[0].name, "mirror");
    let mysql = prepared(&with_spec(&format!("{database}}}"))).mysql_stateful_set.unwrap();
    let mysql = mysql.spec.unwrap().template.spec.unwrap();
    assert_eq!((names(&mysql), mysql.service_account_name.as_deref()), (vec!["exporter"], Some("backup")));
    let mounts = mysql.containers[0].volume_mounts.clone().unwrap();
    assert_eq!(
        (mysql.containers[0].name.as_str(), mounts.last().unwrap().mount_path.as_str()),
        ("mysql", "/a")
    );

    let own = format!("{database}, schemaJob: {{pod: {{serviceAccountName: schema}}}}}}");
    let job = schema_job(&own).spec.unwrap();
    assert_eq!(job.service_account_name.as_deref(), Some("schema"));
    assert_eq!((job.image_pull_secrets, job.priority_class_name), (None, None));
}

#[test]
fn a_certificate_that_does_not_name_the_host_is_accepted_on_request() {
    let tls = |external: &str| {
        let spec = format!("{{database: {{external: {{secretName: cloud{external}}}}}}}");
        let env = schema_job(&spec).spec.unwrap().containers.remove(0).env.unwrap();
        env.into_iter().find(|variable| variable.name == "DATABASE_TLS").unwrap().value.unwrap()
    };
    assert_eq!(tls(""), "verify-identity");
    assert_eq!(tls(", tls: VerifyIdentity"), "verify-identity");
    assert_eq!(tls(", tls: VerifyCa"), "verify-ca");
}

#[test]
fn the_platform_may_choose_users_and_groups() {
    let security = |user_ids: UserIds| {
        let validated = validation::validate(&with_spec("{}"), IMAGE, Timestamp::UNIX_EPOCH).unwrap();
        let resources = build(&validated.with_user_ids(user_ids));
        let groups = resources.producer_deployments.iter().chain(&resources.consumer_deployments);
        let groups = groups.map(|group| group.spec.clone().unwrap().template);
        let others = [
            resources.schema_job.spec.clone().unwrap().template,
            resources.mysql_stateful_set.clone().unwrap().spec.unwrap().template,
        ];
        let pods = groups.chain(others).map(|template| template.spec.unwrap());
        pods.map(|pod| serde_json::to_value(pod.security_context).unwrap()).collect::<Vec<_>>()
    };
    let fixed = |user: i64| {
        json!({
            "runAsNonRoot": true, "runAsUser": user, "runAsGroup": user, "fsGroup": user,
            "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "RuntimeDefault"},
        })
    };
    assert_eq!(security(UserIds::Fixed), [fixed(65532), fixed(65532), fixed(65532), fixed(999)]);
    let free = json!({
        "runAsNonRoot": true, "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "RuntimeDefault"},
    });
    assert_eq!(security(UserIds::Platform), vec![free; 4]);
}
