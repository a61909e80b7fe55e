//! The Job that migrates the schema.

use eventpipeline_crds as crd;

use super::amount::Resources;
use super::{Database, Error, ProducerGroup};

/// Settings of the Job's pod.
#[derive(Debug, Clone)]
pub(in crate::eventpipeline) struct SchemaJob {
    pub(in crate::eventpipeline) resources: Resources,
    pub(in crate::eventpipeline) pod: crd::Pod,
}

impl SchemaJob {
    /// Validates the settings. The Job is scheduled like a managed database, or like the first producers of
    /// an external one.
    pub(super) fn new(
        job: &crd::SchemaJob,
        database: &Database,
        producers: &[ProducerGroup],
    ) -> Result<Self, Error> {
        let crd::SchemaJob { resources } = job;
        let resources = Resources::new(resources)
            .map_err(|source| Error::Resources { of: "the schema Job".to_owned(), source })?;
        let pod = match database {
            Database::Managed(database) => Some(&database.pod),
            Database::External { .. } => producers.first().map(|group| &group.program.pod),
        };
        Ok(Self { resources, pod: pod.cloned().unwrap_or_default() })
    }
}
