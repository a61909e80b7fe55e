//! `render`: the objects that the operator would apply.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::finding::Finding;
use super::pipeline;
use super::schema::Schema;
use super::{DEFAULT_IMAGE, code, documents, print};

/// Arguments of `render`.
#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// YAML with one or more pipelines; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Default image of producers, consumers and schema Jobs
    #[arg(long, default_value = DEFAULT_IMAGE, value_parser = NonEmptyStringValueParser::new())]
    image: String,
}

pub(super) fn run(args: RenderArgs) -> anyhow::Result<ExitCode> {
    let RenderArgs { file, image } = args;
    let schema = Schema::of_pipelines()?;
    let source = documents::read(&file)?;
    let pipelines = match source.pipelines {
        Ok(pipelines) if pipelines.is_empty() => {
            anyhow::bail!("{} contains no EventPipeline", source.name)
        }
        Ok(pipelines) => pipelines,
        Err(why) => anyhow::bail!("{}: {why}", source.name),
    };
    let mut refused = false;
    for object in &pipelines {
        let errors = pipeline::errors(&schema, object, None);
        refused |= !errors.is_empty();
        if errors.is_empty() {
            print(&yaml(&schema, object, &image)?)?;
        }
        for Finding { field, message, .. } in errors {
            print(&format!("# {}: refused: {field}: {message}\n", pipeline::name(object)))?;
        }
    }
    Ok(code(refused))
}

/// Returns the objects of the pipelines of a YAML text, as YAML.
pub(super) fn text(yaml: &str) -> anyhow::Result<String> {
    let schema = Schema::of_pipelines()?;
    let pipelines = documents::parse("text", yaml).pipelines.map_err(anyhow::Error::msg)?;
    pipelines.iter().map(|object| self::yaml(&schema, object, DEFAULT_IMAGE)).collect()
}

/// Writes one document per object, in the order in which the operator applies them.
fn yaml(schema: &Schema, object: &serde_json::Value, image: &str) -> anyhow::Result<String> {
    let objects = pipeline::rendered(schema, object, image)
        .map_err(|finding| anyhow::anyhow!("{}: {}", finding.field, finding.message))?;
    let mut text = String::new();
    for object in objects {
        let yaml = serde_saphyr::to_string(&object.object).context("failed to write an object as YAML")?;
        text.push_str("---\n");
        text.push_str(&yaml);
    }
    Ok(text)
}
