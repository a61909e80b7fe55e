//! The Job that migrates the schema.

use eventpipeline_crds as crd;

use super::amount::Resources;
use super::{Database, Error, PodSettings, ProducerGroup};

/// Settings of the Job's pod.
#[derive(Debug, Clone)]
pub(in crate::eventpipeline) struct SchemaJob {
    pub(in crate::eventpipeline) resources: Resources,
    pub(in crate::eventpipeline) pod: PodSettings,
}

impl SchemaJob {
    /// Validates the settings. Without settings of its own, the Job's pod is like those of the first producers,
    /// which reach an external database the same way. In front of a managed database it gets neither the
    /// identity nor the sidecars of the database.
    pub(super) fn new(
        job: &crd::SchemaJob,
        database: &Database,
        producers: &[ProducerGroup],
    ) -> Result<Self, Error> {
        let crd::SchemaJob { resources, pod } = job;
        let resources = Resources::new(resources)
            .map_err(|source| Error::Resources { of: "the schema Job".to_owned(), source })?;
        let pod = match (pod, database) {
            (Some(_), _) => PodSettings::new("the schema Job", pod.as_ref())?,
            (None, Database::Managed(database)) => database.pod.clone().without_identity(),
            (None, Database::External(_)) => {
                producers.first().map(|group| group.program.pod.clone()).unwrap_or_default()
            }
        };
        Ok(Self { resources, pod })
    }
}
