//! The committed file is up to date, and small enough for `kubectl apply`.

use std::fs;
use std::path::Path;

use kube::CustomResourceExt as _;

#[test]
fn the_committed_file_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("eventpipeline.yaml");
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let generated = eventpipeline_crds::yaml::crd().unwrap();
    assert!(committed == generated, "{} is out of date; run dev/generate.sh", path.display());
}

/// Measures the JSON, which is what the API server stores and what the annotation of `kubectl apply`
/// contains. All annotations of an object have at most 256 KiB.
#[test]
fn the_definition_fits_into_an_annotation() {
    let size = serde_json::to_string(&eventpipeline_crds::EventPipeline::crd()).unwrap().len();
    assert!(size < 192 * 1024, "{size} bytes");
}
