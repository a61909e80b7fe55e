//! Why a pod is not ready, from what the API server keeps of it.

use eventpipeline_crds::EventPipeline;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::cluster::Cluster;
use super::operator::Operator;
use super::programs::{Program, pod};

#[tokio::test]
async fn a_crash_loop_is_told_with_its_last_line() {
    let cluster = Cluster::new("crash").await;
    let _operator = Operator::ready(cluster.server, "crash").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "ProducersReady", "False/PodsStarting").await;
    pod(&cluster, "demo-producer-1", ("demo", "producer"), &Program::start()).await;
    let crash = json!({
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{
            "name": "producer", "image": "x", "imageID": "x", "ready": false, "restartCount": 3,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "message": "first\nthe password is wrong\n"}},
        }],
    });
    cluster.write_status::<Pod>("demo-producer-1", crash).await;
    cluster.condition_is("demo", "ProducersReady", "False/CrashLoop").await;
    let status = cluster.api::<EventPipeline>().get("demo").await.unwrap().status.unwrap();
    let ready = status.conditions.into_iter().find(|condition| condition.type_ == "Ready").unwrap();
    let expected =
        "pod demo-producer-1: container producer ended with code 1, after 3 restarts: the password is wrong";
    assert!(ready.message.contains(expected), "{}", ready.message);
}
