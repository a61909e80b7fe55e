//! What every pod shares: nothing that the restricted Pod Security standard forbids, and bounded use of the node.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, EmptyDirVolumeSource, HTTPGetAction, PodSecurityContext, PodSpec, Probe,
    ResourceRequirements, SeccompProfile, SecurityContext, TCPSocketAction, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::{Amounts, Resources};

/// The user and group that our own images run as.
pub(super) const OUR_USER: i64 = 65532;

/// A pod that runs as this user and group, knows nothing of the cluster and may do nothing in it.
pub(super) fn pod(user: i64) -> PodSpec {
    PodSpec {
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(user),
            run_as_group: Some(user),
            fs_group: Some(user),
            // A large volume is not walked through at each start.
            fs_group_change_policy: Some("OnRootMismatch".to_owned()),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..PodSecurityContext::default()
        }),
        ..PodSpec::default()
    }
}

/// A container without privileges, on a root file system that it can't change.
pub(super) fn container_security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
        ..SecurityContext::default()
    }
}

/// Where a program that ends with an error leaves its last words: its log, of which the pod's status then has the end.
pub(super) const LAST_WORDS: &str = "FallbackToLogsOnError";

/// What the author gives a container, and the local disk that the operator does.
pub(super) fn resources(given: &Resources, [request, limit]: [&str; 2]) -> ResourceRequirements {
    let map = |amounts: &Amounts, ephemeral_storage: &str| -> BTreeMap<String, Quantity> {
        [
            ("cpu", amounts.cpu.clone()),
            ("memory", amounts.memory.clone()),
            ("ephemeral-storage", Some(ephemeral_storage.to_owned())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), Quantity(value?))))
        .collect()
    };
    ResourceRequirements {
        requests: Some(map(&given.requests, request)),
        limits: Some(map(&given.limits, limit)),
        claims: None,
    }
}

/// A folder that goes with the pod.
pub(super) fn scratch_volume(name: &str, limit: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource { medium: None, size_limit: Some(Quantity(limit.to_owned())) }),
        ..Volume::default()
    }
}

/// Where a volume goes.
pub(super) fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount { name: name.to_owned(), mount_path: path.to_owned(), ..VolumeMount::default() }
}

/// Asks `path` of the port named `port`.
pub(super) fn http_probe(path: &str, port: &str) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(port.to_owned()),
            ..HTTPGetAction::default()
        }),
        ..Probe::default()
    }
}

/// Connects to the port named `port`.
pub(super) fn tcp_probe(port: &str) -> Probe {
    Probe {
        tcp_socket: Some(TCPSocketAction { host: None, port: IntOrString::String(port.to_owned()) }),
        ..Probe::default()
    }
}
