//! The committed file is the generated one, and small enough for `kubectl apply`.

use std::fs;
use std::path::Path;

use kube::CustomResourceExt as _;

#[test]
fn the_committed_file_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("eventpipeline.yaml");
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let generated = eventpipeline_crds::yaml::crd().unwrap();
    assert!(
        committed == generated,
        "{} is not what the types say; write it anew: cargo run -q -p eventpipeline-operator -- crd > crds/eventpipeline.yaml",
        path.display()
    );
}

/// Without the white space of YAML: as it is stored, sent, and held by the annotation of `kubectl apply`.
#[test]
fn it_is_far_below_what_an_annotation_holds() {
    let size = serde_json::to_string(&eventpipeline_crds::EventPipeline::crd()).unwrap().len();
    assert!(size < 96 * 1024, "{size} bytes");
}
