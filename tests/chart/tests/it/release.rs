//! A release is refused before anything is built if its version, notes, registry or tree are wrong.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::{copy, repository};

const VERSION: &str = "1.2.3";

/// Creates a repository with what `release.sh --check` reads, at version 1.2.3.
fn tree() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    copy(&repository("dev"), &root.join("dev"));
    fs::copy(repository("release.env"), root.join("release.env")).expect("a copy");
    fs::write(root.join("Cargo.toml"), "[workspace.package]\nversion = \"1.2.3\"\n").expect("a file");
    fs::create_dir_all(root.join("charts/eventpipeline")).expect("a folder");
    let chart = "name: eventpipeline\nversion: 1.2.3\nappVersion: \"1.2.3\"\n";
    fs::write(root.join("charts/eventpipeline/Chart.yaml"), chart).expect("a file");
    let notes = "# Changelog\n\n## Unreleased\n\n- Later.\n\n## [1.2.3] - 2026-01-02\n\n- First.\n\n## 1.2.2\n\n- Old.\n";
    fs::write(root.join("CHANGELOG.md"), notes).expect("a file");
    git(root, &["init", "--quiet"]);
    commit(root);
    folder
}

fn git(root: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
    let status =
        Command::new("git").arg("-C").arg(root).args(identity).args(arguments).status().expect("git");
    assert!(status.success(), "git {arguments:?}");
}

fn commit(root: &Path) {
    git(root, &["add", "--all"]);
    git(root, &["commit", "--quiet", "--message", "a change"]);
}

/// Runs a script of the tree.
fn run(root: &Path, script: &str, arguments: &[&str], registry: &str) -> Output {
    let mut command = Command::new("bash");
    command.arg(root.join("dev").join(script)).args(arguments).env("REGISTRY", registry);
    // Without it, the script would take over the target folder that it shares with other checkouts.
    command.env("CARGO_TARGET_DIR", root.join("target")).output().expect("bash")
}

/// Returns what `release.sh --check` prints if it refuses.
fn refused(root: &Path, version: &str, registry: &str) -> Option<String> {
    let output = run(root, "release.sh", &["--check", version], registry);
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_version_that_the_tree_has_is_accepted() {
    let tree = tree();
    assert_eq!(refused(tree.path(), VERSION, "registry.example.com/team"), None);
    assert_eq!(refused(tree.path(), VERSION, "127.0.0.1:5000"), None);
}

#[test]
fn a_wrong_version_or_registry_is_named_with_what_is_right() {
    let tree = tree();
    for (version, registry, named) in [
        ("", "r.example.com", "run make release VERSION=1.2.3"),
        ("v1.2.3", "r.example.com", "such as 1.2.3 or 1.2.3-rc.1, without v"),
        ("1.2.3+build", "r.example.com", "without +"),
        ("1.02.3", "r.example.com", "not a semantic version"),
        ("1.2.4", "r.example.com", "the crates have version 1.2.3: change version in Cargo.toml"),
        (VERSION, "", "REGISTRY is missing"),
        (VERSION, "team", "it is a host"),
        (VERSION, "r.example.com/Team", "in lower case"),
        (VERSION, "https://r.example.com", "it is a host"),
    ] {
        let refused = refused(tree.path(), version, registry).expect("it is refused");
        assert!(refused.contains(named), "VERSION={version} REGISTRY={registry}: {refused}");
    }
}

#[test]
fn a_chart_of_another_version_is_refused() {
    let tree = tree();
    let chart = "name: eventpipeline\nversion: 1.2.3\nappVersion: 1.2.2\n";
    fs::write(tree.path().join("charts/eventpipeline/Chart.yaml"), chart).expect("a file");
    commit(tree.path());
    let refused = refused(tree.path(), VERSION, "r.example.com").expect("it is refused");
    assert!(refused.contains("the chart has appVersion 1.2.2"), "{refused}");
}

#[test]
fn a_version_without_notes_is_refused() {
    let tree = tree();
    fs::write(tree.path().join("CHANGELOG.md"), "## Unreleased\n\n- All.\n\n## 1.2.3\n\n").expect("a file");
    commit(tree.path());
    let refused = refused(tree.path(), VERSION, "r.example.com").expect("it is refused");
    assert!(refused.contains("CHANGELOG.md has no notes for 1.2.3"), "{refused}");
}

#[test]
fn a_tree_with_changes_is_refused() {
    let tree = tree();
    fs::write(tree.path().join("stray"), "").expect("a file");
    let refused = refused(tree.path(), VERSION, "r.example.com").expect("it is refused");
    assert!(refused.contains("not committed") && refused.contains("stray"), "{refused}");
}

#[test]
fn the_notes_are_the_section_of_the_version() {
    let tree = tree();
    let notes = ". dev/lib.sh; . dev/release/settings.sh; release_notes 1.2.3";
    let mut bash = Command::new("bash");
    bash.args(["-c", notes]).current_dir(tree.path()).env("CARGO_TARGET_DIR", "target");
    let output = bash.output().expect("bash");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "- First.");
}

#[test]
fn nothing_is_published_before_it_is_built() {
    let tree = tree();
    let output = run(tree.path(), "publish.sh", &[VERSION], "r.example.com");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("run make release VERSION=1.2.3"), "{error}");
}
