//! A few rounds, as part of `make test`. `make fill` is longer.

use std::path::Path;
use std::process::Command;

/// Beside ours are the programs of the product, built by `cargo test --workspace`.
#[test]
fn a_volume_that_was_filled_twice_has_lost_nothing() {
    let program = Path::new(env!("CARGO_BIN_EXE_eventpipeline-fill"));
    let mut unshare = Command::new("unshare");
    unshare.arg("--mount");
    // Root of a user namespace may mount as well.
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
