//! Settings of pods.

use std::collections::HashSet;

use eventpipeline_crds as crd;

use super::Error;
use super::amount::Resources;

/// Settings of pods whose names fit together. The API server refuses a pod with a name that occurs twice, or
/// with a mount of no volume.
#[derive(Debug, Clone, Default)]
pub(in crate::eventpipeline) struct PodSettings {
    pod: crd::Pod,
    /// Resources of the init containers, in their order.
    resources: Vec<Resources>,
}

impl PodSettings {
    /// Validates the settings of the pods of `of`, such as `group "a"`.
    pub(super) fn new(of: &str, pod: Option<&crd::Pod>) -> Result<Self, Error> {
        let pod = pod.cloned().unwrap_or_default();
        let volumes = pod.volumes.iter().map(|volume| volume.name.as_str());
        free(of, "volumes", volumes.clone(), &crd::OUR_VOLUMES)?;
        let containers = pod.init_containers.iter();
        let names = containers.clone().map(|container| container.name.as_str());
        free(of, "initContainers", names, &crd::OUR_CONTAINERS)?;
        let volumes: HashSet<_> = volumes.collect();
        let in_containers = containers.clone().flat_map(|container| &container.volume_mounts);
        for mount in pod.volume_mounts.iter().chain(in_containers) {
            if !volumes.contains(mount.name.as_str()) {
                return Err(Error::NoVolume { of: of.to_owned(), name: mount.name.clone() });
            }
        }
        let resources = containers.map(|container| {
            let of = || format!("the init container {:?} of {of}", container.name);
            Resources::new(&container.resources).map_err(|source| Error::Resources { of: of(), source })
        });
        let resources = resources.collect::<Result<_, _>>()?;
        Ok(Self { pod, resources })
    }

    /// Returns the settings without what gives the pods an identity or further containers.
    pub(super) fn without_identity(self) -> Self {
        let pod = crd::Pod {
            service_account_name: None,
            volumes: Vec::new(),
            volume_mounts: Vec::new(),
            init_containers: Vec::new(),
            ..self.pod
        };
        Self { pod, resources: Vec::new() }
    }

    /// Returns the settings as the author wrote them.
    pub(in crate::eventpipeline) fn pod(&self) -> &crd::Pod {
        &self.pod
    }

    /// Returns the init containers with their resources.
    pub(in crate::eventpipeline) fn init_containers(
        &self,
    ) -> impl Iterator<Item = (&crd::InitContainer, &Resources)> {
        self.pod.init_containers.iter().zip(&self.resources)
    }
}

/// Fails if a name occurs twice or is one of the operator's.
fn free<'a>(
    of: &str,
    list: &'static str,
    names: impl Iterator<Item = &'a str>,
    ours: &[&'static str],
) -> Result<(), Error> {
    let mut taken: HashSet<&str> = ours.iter().copied().collect();
    for name in names {
        if !taken.insert(name) {
            return Err(Error::PodName { of: of.to_owned(), list, name: name.to_owned() });
        }
    }
    Ok(())
}
