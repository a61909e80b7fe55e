//! The committed file is the generated one, and small enough for `kubectl apply`.

use std::fs;
use std::path::Path;

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

#[test]
fn it_is_far_below_what_an_annotation_holds() {
    assert!(eventpipeline_crds::yaml::crd().unwrap().len() < 64 * 1024);
}
