//! Why pods are not ready, by their own word.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::super::status::{Seen, of};
use super::status::{all_ready, applied, message, shown};

fn pod(component: &str, name: &str, status: &Value) -> Pod {
    let labels = json!({"app.kubernetes.io/component": component});
    serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}, "status": status})).unwrap()
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

/// Reason and message of the database's condition while its pod is like this.
fn database(status: &Value) -> (String, String) {
    let seen = Seen { pods: vec![pod("mysql", "orders-mysql-0", status)], ..Seen::default() };
    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(61);
    let status = of(&applied("{}"), &seen, None, None, now);
    (shown(&status, "DatabaseReady"), message(&status, "DatabaseReady"))
}

#[test]
fn the_reason_names_the_cause_and_the_message_tells_it() {
    let unbound = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.";
    let mounting = json!({
        "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": "1970-01-01T00:00:00Z"},
            {"type": "PodReadyToStartContainers", "status": "False"},
        ],
        "containerStatuses": waiting("ContainerCreating", "")["containerStatuses"],
    });
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
            "container mysql ended with code 1, after 4 restarts: out of luck",
        ),
        (unscheduled("0/3 nodes are available: 3 Insufficient cpu."), "Unschedulable", "3 Insufficient cpu."),
        (unscheduled(unbound), "VolumeNotBound", unbound),
        (mounting, "VolumesNotMounted", "is there every Secret that it names?"),
        (waiting("ContainerCreating", ""), "PodsStarting", "pod orders-mysql-0 is not ready"),
    ] {
        let (condition, all) = database(&status);
        assert_eq!(condition, format!("False/{reason}"), "{all}");
        assert!(all.ends_with(text), "{all}");
    }
}

#[test]
fn a_pod_on_its_way_out_and_a_part_that_is_ready_have_no_cause() {
    let mut leaving = pod("mysql", "a", &waiting("CrashLoopBackOff", ""));
    leaving.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::UNIX_EPOCH));
    let seen = Seen { pods: vec![leaving], ..Seen::default() };
    assert_eq!(
        shown(&of(&applied("{}"), &seen, None, None, Timestamp::UNIX_EPOCH), "DatabaseReady"),
        "False/PodsStarting"
    );
    let seen = Seen { pods: vec![pod("mysql", "a", &waiting("CrashLoopBackOff", ""))], ..Seen::default() };
    assert_eq!(
        shown(&of(&all_ready("{}"), &seen, None, None, Timestamp::UNIX_EPOCH), "DatabaseReady"),
        "True/PodsReady"
    );
}

#[test]
fn a_quota_and_a_refusal_are_told_apart() {
    for (text, reason) in [
        ("pods \"x\" is forbidden: exceeded quota: team", "QuotaExceeded"),
        ("pods \"x\" is forbidden: violates PodSecurity", "PodsRefused"),
    ] {
        let mut resources = all_ready("{}");
        let failure = json!({
            "replicas": 1,
            "conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": text}],
        });
        resources.producer_deployments[0].status = serde_json::from_value(failure).unwrap();
        let status = of(&resources, &Seen::default(), None, None, Timestamp::UNIX_EPOCH);
        assert_eq!(shown(&status, "ProducersReady"), format!("False/{reason}"));
        assert!(message(&status, "Ready").ends_with(text));
    }
}
