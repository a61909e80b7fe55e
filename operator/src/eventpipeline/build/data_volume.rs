//! The database's volume. The StatefulSet's controller creates the claim; the operator only expands it.

use super::super::resources::{DataVolume, Expansion};
use super::super::validate::{Database, Pipeline};
use super::meta::mysql_name;
use super::mysql_names::DATA;

/// Returns the minimum size of the volume of a managed database.
pub(super) fn build(pipeline: &Pipeline) -> Option<DataVolume> {
    let Database::Managed(database) = &pipeline.database else { return None };
    Some(DataVolume {
        claim: format!("{DATA}-{}-0", mysql_name(pipeline)),
        size: database.size.clone(),
        expansion: Expansion::Done,
    })
}
