//! A few rounds of `make fill`, as part of `make test`.

use std::path::Path;
use std::process::Command;

/// The product's programs, which `cargo test --workspace` builds, are in the same folder as this one.
#[test]
fn filling_a_volume_twice_loses_nothing() {
    let program = Path::new(env!("CARGO_BIN_EXE_eventpipeline-fill"));
    let mut unshare = Command::new("unshare");
    unshare.arg("--mount");
    // Root of a user namespace may mount, too.
    if !rustix::process::getuid().is_root() {
        unshare.arg("--map-root-user");
    }
    let output = unshare
        .arg(program)
        .arg("--programs")
        .arg(program.parent().unwrap())
        .args(["--rounds", "2"])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}
