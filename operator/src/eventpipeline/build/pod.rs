//! The common part of all pods, which comply with the restricted Pod Security standard and use bounded
//! resources.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, EmptyDirVolumeSource, HTTPGetAction, PodSecurityContext, PodSpec, Probe,
    ResourceRequirements, SeccompProfile, SecurityContext, TCPSocketAction, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::{Amounts, Resources, UserIds};

/// User and group of our own images.
pub(super) const OUR_USER: i64 = 65532;

/// Returns a pod that runs as this user and group, unless the platform assigns them, and has no access to the
/// API server.
pub(super) fn pod(user_ids: UserIds, user: i64) -> PodSpec {
    let user = (user_ids == UserIds::Fixed).then_some(user);
    PodSpec {
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: user,
            run_as_group: user,
            fs_group: user,
            // Avoids changing the owner of every file of a large volume at each start.
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

/// Returns the security context of a container without privileges, on a read-only root file system.
pub(super) fn container_security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
        ..SecurityContext::default()
    }
}

/// Termination message policy: if a program fails, the end of its log becomes part of the pod's status.
pub(super) const TERMINATION_MESSAGE_POLICY: &str = "FallbackToLogsOnError";

/// Returns the resources that the author sets, and the ephemeral storage that the operator sets.
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

/// Returns a volume that is deleted with the pod.
pub(super) fn scratch_volume(name: &str, limit: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource { medium: None, size_limit: Some(Quantity(limit.to_owned())) }),
        ..Volume::default()
    }
}

/// Returns the mount of a volume.
pub(super) fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount { name: name.to_owned(), mount_path: path.to_owned(), ..VolumeMount::default() }
}

/// Requests `path` on the port named `port`.
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
