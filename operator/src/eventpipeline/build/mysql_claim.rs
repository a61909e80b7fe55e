//! The claim of the database's volume. The StatefulSet makes it; only its size is looked after here.

use super::super::resources::{Claim, Growth};
use super::super::validate::{Database, Pipeline};
use super::meta::mysql_name;
use super::mysql_stateful_set::DATA;

/// How large the volume must be at least, of a database that is the pipeline's own.
pub(super) fn build(pipeline: &Pipeline) -> Option<Claim> {
    let Database::Managed(database) = &pipeline.database else { return None };
    Some(Claim {
        name: format!("{DATA}-{}-0", mysql_name(pipeline)),
        size: database.size.clone(),
        growth: Growth::Done,
    })
}
