//! `diff`: the effects of a change of pipelines.

pub(super) mod differences;
mod paths;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;
use serde_json::Value;

use super::finding::Finding;
use super::pipeline;
use super::schema::Schema;
use super::{DEFAULT_IMAGE, Output, code, documents, print, print_json};
use differences::Difference;

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// YAML with the current pipelines, such as `kubectl get evp -o yaml` prints; `-` is standard input
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// YAML with the changed pipelines
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Default image of producers, consumers and schema Jobs
    #[arg(long, default_value = DEFAULT_IMAGE, value_parser = NonEmptyStringValueParser::new())]
    image: String,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// The effects of a change of a pipeline.
#[derive(Debug, Serialize)]
struct Effect {
    pipeline: String,
    /// Reasons to refuse the change. Then there are no differences.
    refusals: Vec<Finding>,
    changes: Vec<Difference>,
}

pub(super) fn run(args: DiffArgs) -> anyhow::Result<ExitCode> {
    let DiffArgs { old, new, image, output } = args;
    let schema = Schema::of_pipelines()?;
    let (old, new) = (read(&old)?, read(&new)?);
    let mut effects = Vec::new();
    for (name, object) in &new {
        effects.push(effect(&schema, name, old.get(name), object, &image)?);
    }
    for (name, object) in old.iter().filter(|(name, _)| !new.contains_key(*name)) {
        let before = rendered(&schema, object, &image)?;
        effects.push(Effect {
            pipeline: name.clone(),
            refusals: Vec::new(),
            changes: differences::of_a_deletion(&before),
        });
    }
    match output {
        Output::Text => print(&text(&effects))?,
        Output::Json => print_json(&effects)?,
    }
    Ok(code(effects.iter().any(|effect| !effect.refusals.is_empty())))
}

/// Reads the pipelines of a file, by name.
fn read(file: &Path) -> anyhow::Result<BTreeMap<String, Value>> {
    let source = documents::read(file)?;
    let pipelines = source.pipelines.map_err(|why| anyhow::anyhow!("{}: {why}", source.name))?;
    anyhow::ensure!(!pipelines.is_empty(), "{} contains no EventPipeline", source.name);
    Ok(pipelines.into_iter().map(|object| (pipeline::name(&object), object)).collect())
}

fn effect(
    schema: &Schema,
    name: &str,
    old: Option<&Value>,
    new: &Value,
    image: &str,
) -> anyhow::Result<Effect> {
    let refusals = pipeline::errors(schema, new, old);
    let changes = if refusals.is_empty() {
        let before = old.map(|old| rendered(schema, old, image)).transpose()?.unwrap_or_default();
        differences::between(&before, &rendered(schema, new, image)?)
    } else {
        Vec::new()
    };
    Ok(Effect { pipeline: name.to_owned(), refusals, changes })
}

fn rendered(
    schema: &Schema,
    object: &Value,
    image: &str,
) -> anyhow::Result<Vec<crate::eventpipeline::Rendered>> {
    pipeline::rendered(schema, object, image)
        .map_err(|finding| anyhow::anyhow!("{}: {}", pipeline::name(object), finding.message))
}

fn text(effects: &[Effect]) -> String {
    let mut text = String::new();
    for Effect { pipeline, refusals, changes } in effects {
        for Finding { field, message, .. } in refusals {
            let _ = writeln!(text, "{pipeline}: refused: {field}: {message}");
        }
        if refusals.is_empty() && changes.is_empty() {
            let _ = writeln!(text, "{pipeline}: nothing changes");
        }
        for change in changes {
            let _ = writeln!(text, "{pipeline}: {change}");
        }
    }
    text
}
