//! Causes of unready pods.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::super::pending_events::Source;
use super::super::status::{Observed, of};
use super::applied::{all_ready, applied, message, shown};

fn pod(component: &str, name: &str, status: &Value) -> Pod {
    let labels = json!({"app.kubernetes.io/component": component});
    let volumes = json!([
        {"name": "headers", "secret": {"secretName": "orders-headers"}},
        {"name": "extra", "secret": {"secretName": "extra", "optional": true}},
        {"name": "database", "projected": {"sources": [{"secret": {"name": "orders-mysql"}}]}},
        {"name": "work", "emptyDir": {}},
    ]);
    serde_json::from_value(json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [], "volumes": volumes},
        "status": status,
    }))
    .unwrap()
}

fn waiting(reason: &str, text: &str) -> Value {
    json!({"containerStatuses": [{
        "name": "mysql", "image": "mysql:0", "imageID": "", "ready": false, "restartCount": 4,
        "state": {"waiting": {"reason": reason, "message": text}},
        "lastState": {"terminated": {"exitCode": 1, "message": "starting\nout of \u{1b}luck\n\n"}},
    }]})
}

fn unscheduled(text: &str) -> Value {
    json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": text}]})
}

/// Returns status, reason and message of the database's condition while its pod has this status.
fn database(status: &Value) -> (String, String) {
    let observed = Observed { pods: vec![pod("mysql", "orders-mysql-0", status)], ..Observed::default() };
    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(61);
    let status = of(&applied("{}"), &observed, None, None, now);
    (shown(&status, "DatabaseReady"), message(&status, "DatabaseReady"))
}

/// Returns the status of a pod that was scheduled at the epoch and waits for its volumes.
fn mounting() -> Value {
    json!({
        "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": "1970-01-01T00:00:00Z"},
            {"type": "PodReadyToStartContainers", "status": "False"},
        ],
        "containerStatuses": waiting("ContainerCreating", "")["containerStatuses"],
    })
}

/// A missing Secret is the cause after a minute, and no watch reports that the minute has passed.
#[test]
fn a_pod_that_waits_for_its_volumes_is_looked_at_again() {
    for (status, awaited) in [(mounting(), true), (waiting("CrashLoopBackOff", ""), false)] {
        let pods = vec![pod("consumer", "orders-consumer-default-0", &status)];
        assert_eq!(Observed { pods, ..Observed::default() }.is_awaited(), awaited, "{status}");
    }
}

#[test]
fn reason_and_message_name_the_cause() {
    let unbound = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.";
    for (status, reason, text) in [
        (
            waiting("ImagePullBackOff", "no such image"),
            "ImageNotPulled",
            "\"mysql:0\" can't be pulled (ImagePullBackOff): no such image",
        ),
        (
            waiting("CreateContainerConfigError", "secret \"x\" not found"),
            "ConfigNotFound",
            "secret \"x\" not found",
        ),
        (
            waiting("CrashLoopBackOff", ""),
            "CrashLoop",
            "container mysql exited with code 1, after 4 restarts: out of luck",
        ),
        (unscheduled("0/3 nodes are available: 3 Insufficient cpu."), "Unschedulable", "3 Insufficient cpu."),
        (unscheduled(unbound), "VolumeNotBound", unbound),
        (
            mounting(),
            "VolumesNotMounted",
            "check that these exist: Secret orders-headers, Secret orders-mysql",
        ),
        (
            waiting("ContainerCreating", ""),
            "PodsStarting",
            "StatefulSet orders-mysql has not created its pod yet",
        ),
    ] {
        let (condition, all) = database(&status);
        assert_eq!(condition, format!("False/{reason}"), "{all}");
        assert!(all.ends_with(text), "{all}");
    }
}

fn crashed(said: &str) -> Value {
    let mut status = waiting("CrashLoopBackOff", "");
    status["containerStatuses"][0]["lastState"]["terminated"]["message"] = said.into();
    status
}

/// The last line reports the exit, and an earlier one the cause.
#[test]
fn the_line_with_the_cause_of_a_crash_is_shown() {
    let mysqld = "2026-11-30T00:00:00Z 0 [System] [MY-015015] [Server] MySQL Server - start.\n\
        2026-11-30T00:00:01Z 0 [ERROR] [MY-000067] [Server] unknown variable 'bogus-option=1'.\n\
        2026-11-30T00:00:01Z 0 [ERROR] [MY-010119] [Server] Aborting\n\
        2026-11-30T00:00:02Z 0 [System] [MY-015016] [Server] MySQL Server - end.\n";
    let downgrade = "0 [ERROR] [MY-014061] [Server] Invalid MySQL server downgrade: Cannot downgrade from 90700 to 80400. \
        Downgrade is only permitted between patch releases.\n0 [ERROR] [MY-010119] [Server] Aborting\n";
    let json = "{\"timestamp\":\"t\",\"level\":\"INFO\",\"message\":\"waits\"}\n\
        {\"timestamp\":\"t\",\"level\":\"ERROR\",\"message\":\"producer failed\",\"error\":\"failed to \
        migrate: 1142 (42000): CREATE command denied to user 'u'@'h' for table 'Events'\",\"target\":\"x\"}\n";
    let long = format!("error: {} at last the cause", "and so on ".repeat(200));
    let go =
        "panic: no such file\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:7 +0x1d\nexit status 2\n";
    for (said, reason, begin, end) in [
        (mysqld, "CrashLoop", "2026-11-30T00:00:01Z 0 [ERROR]", "unknown variable 'bogus-option=1'."),
        (downgrade, "DatabaseDowngrade", "0 [ERROR]", "permitted between patch releases."),
        (json, "CrashLoop", "producer failed: failed to migrate", "for table 'Events'"),
        (&long, "CrashLoop", "error: and so on", "at last the cause"),
        (go, "CrashLoop", "panic: ", "no such file"),
    ] {
        let (condition, message) = database(&crashed(said));
        assert_eq!(condition, format!("False/{reason}"), "{message}");
        let (_, shown_text) = message.split_once("after 4 restarts: ").unwrap();
        assert!(
            shown_text.starts_with(begin) && shown_text.ends_with(end) && shown_text.chars().count() < 900,
            "{shown_text}"
        );
    }
}

#[test]
fn the_newest_pod_counts() {
    let mut old = pod("mysql", "a", &waiting("CrashLoopBackOff", ""));
    let mut new = pod("mysql", "b", &unscheduled("0/3 nodes are available: 3 Insufficient cpu."));
    for (pod, second) in [(&mut old, 1), (&mut new, 2)] {
        let created = Timestamp::from_second(second).unwrap();
        pod.metadata.creation_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(created));
    }
    let observed = Observed { pods: vec![old, new], ..Observed::default() };
    let status = of(&applied("{}"), &observed, None, None, Timestamp::UNIX_EPOCH);
    assert_eq!(shown(&status, "DatabaseReady"), "False/Unschedulable");
}

/// A StatefulSet and a Job have no condition for it.
#[test]
fn an_object_without_pods_reports_why() {
    let resources = applied("{}");
    let quota = "create Pod orders-mysql-0 in StatefulSet orders-mysql failed error: pods \"orders-mysql-0\" is forbidden: \
                 exceeded quota: q, requested: limits.memory=2Gi, used: limits.memory=0, limited: limits.memory=1Gi";
    let limits =
        "Error creating: pods \"x\" is forbidden: minimum cpu usage per Container is 50m, but request is 10m";
    let events = [(Source::StatefulSet, quota.to_owned()), (Source::Job, limits.to_owned())];
    let observed = Observed { pending_events: events.into_iter().collect(), ..Observed::default() };
    let status = of(&resources, &observed, None, None, Timestamp::UNIX_EPOCH);
    assert_eq!(shown(&status, "DatabaseReady"), "False/QuotaExceeded");
    assert_eq!(shown(&status, "SchemaReady"), "False/PodsRefused");
    assert!(message(&status, "DatabaseReady").ends_with(quota));
    assert!(message(&status, "SchemaReady").ends_with(limits));

    let status = of(&resources, &Observed::default(), None, None, Timestamp::UNIX_EPOCH);
    assert_eq!(
        message(&status, "DatabaseReady"),
        "database: StatefulSet orders-mysql has not created its pod yet"
    );

    let why =
        "failed to provision volume with StorageClass \"nfs\": unsupported access mode ReadWriteOncePod";
    let pending_events = [(Source::Claim, why.to_owned())].into_iter().collect();
    let pending =
        pod("mysql", "orders-mysql-0", &unscheduled("pod has unbound immediate PersistentVolumeClaims"));
    let observed = Observed { pending_events, pods: vec![pending], ..Observed::default() };
    let status = of(&resources, &observed, None, None, Timestamp::UNIX_EPOCH);
    assert_eq!(shown(&status, "DatabaseReady"), "False/VolumeNotBound");
    assert!(message(&status, "DatabaseReady").ends_with(why));
}

#[test]
fn a_missing_pull_secret_is_reported() {
    let why = "Unable to retrieve some image pull secrets (registry); attempting to pull the image may not succeed.";
    let pending_events = [(Source::Image, why.to_owned())].into_iter().collect();
    let pod = pod("mysql", "orders-mysql-0", &waiting("ImagePullBackOff", "unauthorized"));
    let observed = Observed { pods: vec![pod], pending_events, ..Observed::default() };
    let status = of(&applied("{}"), &observed, None, None, Timestamp::UNIX_EPOCH);
    assert_eq!(shown(&status, "DatabaseReady"), "False/ImageNotPulled");
    let message = message(&status, "DatabaseReady");
    assert!(message.contains("unauthorized") && message.ends_with(why), "{message}");
    assert_eq!(shown(&status, "SchemaReady"), "False/JobRunning");
}

fn schema_pod(job: &str, name: &str, schema: &Value) -> Pod {
    let container = |name: &str, state: &Value| json!({"name": name, "image": "x", "imageID": "", "ready": false, "restartCount": 0, "state": state});
    let sidecar = container("sidecar", &json!({"running": {}}));
    let status = json!({"phase": "Running", "containerStatuses": [sidecar, container("schema", schema)]});
    let mut pod = pod("schema", name, &status);
    pod.metadata.labels.as_mut().unwrap().insert("batch.kubernetes.io/job-name".to_owned(), job.to_owned());
    pod
}

/// Injected sidecars may run forever.
#[test]
fn the_schema_is_ready_when_its_own_container_has_succeeded() {
    let resources = all_ready("{}");
    let mut waiting = applied("{}");
    waiting.mysql_stateful_set.clone_from(&resources.mysql_stateful_set);
    let job = waiting.schema_job.metadata.name.clone().unwrap();
    let ended = |code: i32| json!({"terminated": {"exitCode": code, "message": "error: no right"}});
    for (job, state, expected) in [
        (job.as_str(), ended(0), "True/JobSucceeded"),
        (job.as_str(), json!({"running": {}}), "False/JobRunning"),
        (job.as_str(), ended(1), "False/CrashLoop"),
        // Pods of an earlier Job.
        ("other", ended(0), "False/JobRunning"),
        ("other", ended(1), "False/JobRunning"),
    ] {
        let observed = Observed { pods: vec![schema_pod(job, "a", &state)], ..Observed::default() };
        let status = of(&waiting, &observed, None, None, Timestamp::UNIX_EPOCH);
        assert_eq!(shown(&status, "SchemaReady"), expected, "{job} {state}");
    }
}

#[test]
fn a_terminating_pod_and_a_ready_component_have_no_cause() {
    let mut leaving = pod("mysql", "a", &waiting("CrashLoopBackOff", ""));
    leaving.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::UNIX_EPOCH));
    let observed = Observed { pods: vec![leaving], ..Observed::default() };
    assert_eq!(
        shown(&of(&applied("{}"), &observed, None, None, Timestamp::UNIX_EPOCH), "DatabaseReady"),
        "False/PodsStarting"
    );
    let observed =
        Observed { pods: vec![pod("mysql", "a", &waiting("CrashLoopBackOff", ""))], ..Observed::default() };
    assert_eq!(
        shown(&of(&all_ready("{}"), &observed, None, None, Timestamp::UNIX_EPOCH), "DatabaseReady"),
        "True/PodsReady"
    );
}

#[test]
fn quotas_and_other_refusals_are_distinguished() {
    for (text, reason) in [
        ("pods \"x\" is forbidden: exceeded quota: team", "QuotaExceeded"),
        (
            "pods \"x\" is forbidden: error looking up service account shop/a: serviceaccount \"a\" not found",
            "ServiceAccountNotFound",
        ),
        ("pods \"x\" is forbidden: violates PodSecurity", "PodsRefused"),
    ] {
        let mut resources = all_ready("{}");
        let failure = json!({
            "replicas": 1,
            "conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": text}],
        });
        resources.producer_deployments[0].status = serde_json::from_value(failure).unwrap();
        let status = of(&resources, &Observed::default(), None, None, Timestamp::UNIX_EPOCH);
        assert_eq!(shown(&status, "ProducersReady"), format!("False/{reason}"));
        assert!(message(&status, "Ready").ends_with(text));
    }
}
