//! An invalid pipeline is rejected, and kubectl shows the error.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

/// Invalid specs, and the messages that kubectl must show.
const WRONG: &[(&str, &str)] = &[
    (
        "{consumers: [{name: a, replicas: 0}]}",
        "`replicas` must be at least 1; use `suspend: true` to stop a group",
    ),
    ("{producers: [{name: a, replicas: -1}]}", "spec.producers[0].replicas"),
    ("{producers: [{name: ''}]}", "spec.producers[0].name"),
    ("{producers: [{name: a}, {name: a}]}", "`producers` must have distinct names"),
    ("{producers: []}", "spec.producers"),
    ("{database: {managed: {storage: {size: 1Mi}}}}", "`size` must be a quantity from 1Gi to 64Ti"),
    (
        "{consumers: [{name: a, handler: {}}]}",
        "`handler` must set exactly one of `words`, `wordApi` and `http`",
    ),
    ("{producer: []}", "unknown field \"spec.producer\""),
];

#[test]
fn kubectl_shows_the_error() -> Result<()> {
    for (spec, message) in WRONG {
        let (accepted, said) = kubectl_apply("refused", spec)?;
        assert!(!accepted, "{spec} was accepted: {said}");
        assert!(said.contains(message), "{spec}: {said}");
    }
    let (accepted, said) = kubectl_apply("a-name-of-more-than-thirty-letters", "{}")?;
    assert!(!accepted, "{said}");
    assert!(said.contains("`metadata.name` must be at most 30"), "{said}");
    Ok(())
}

/// Creates an object by a dry run, which stores nothing.
fn kubectl_apply(name: &str, spec: &str) -> Result<(bool, String)> {
    let object = format!(
        "apiVersion: eventpipeline.dev/v1alpha1\nkind: EventPipeline\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    );
    let mut kubectl = Command::new("kubectl")
        .args(["apply", "--dry-run=server", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("kubectl: dev/e2e.sh puts it on PATH")?;
    kubectl.stdin.take().context("its input")?.write_all(object.as_bytes())?;
    let output = kubectl.wait_with_output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8(said)?))
}
