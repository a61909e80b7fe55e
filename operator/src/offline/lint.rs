//! `lint`: errors and warnings about pipelines.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::documents::{self, Source};
use super::finding::{Finding, Severity};
use super::pipeline;
use super::schema::Schema;
use super::{Output, code, counted, print, print_json};
use crate::routes::Claim;

/// Arguments of `lint`.
#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// YAML with one or more pipelines and any other objects; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// All findings.
#[derive(Debug, Default, Serialize)]
struct Report {
    pipelines: usize,
    errors: usize,
    warnings: usize,
    findings: Vec<Located>,
    #[serde(skip)]
    claimed: Vec<Claimed>,
}

/// A pipeline and the hosts and paths of its route.
#[derive(Debug)]
struct Claimed {
    file: String,
    pipeline: String,
    claims: Vec<Claim>,
}

/// A finding and its location.
#[derive(Debug, Serialize)]
struct Located {
    file: String,
    /// Namespace and name; `None` if the finding is about the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline: Option<String>,
    #[serde(flatten)]
    finding: Finding,
}

pub(super) fn run(args: LintArgs) -> anyhow::Result<ExitCode> {
    let LintArgs { files, output } = args;
    let schema = Schema::of_pipelines()?;
    let mut report = Report::default();
    for file in files {
        report.look_at(&schema, documents::read(&file).context("nothing was checked")?);
    }
    match output {
        Output::Text => print(&report.text())?,
        Output::Json => print_json(&report)?,
    }
    Ok(code(report.errors > 0))
}

/// Returns the findings about the pipelines of a YAML text as lines.
pub(super) fn text(yaml: &str) -> anyhow::Result<Vec<String>> {
    let mut report = Report::default();
    report.look_at(&Schema::of_pipelines()?, documents::parse("text", yaml));
    Ok(report.lines().collect())
}

impl Report {
    fn look_at(&mut self, schema: &Schema, source: Source) {
        let Source { name, pipelines } = source;
        match pipelines {
            Err(why) => self.add(&name, None, Finding::error("", why)),
            Ok(pipelines) if pipelines.is_empty() => {
                self.add(&name, None, Finding::error("", "the file contains no EventPipeline"));
            }
            Ok(pipelines) => {
                for object in pipelines {
                    self.pipelines += 1;
                    let errors = pipeline::errors(schema, &object, None);
                    let warnings =
                        if errors.is_empty() { pipeline::warnings(schema, &object) } else { Vec::new() };
                    let taken = if errors.is_empty() { self.claim(schema, &name, &object) } else { None };
                    for finding in errors.into_iter().chain(warnings).chain(taken) {
                        self.add(&name, Some(pipeline::name(&object)), finding);
                    }
                }
            }
        }
    }

    /// Records the hosts and paths of a pipeline. Returns a warning if an earlier pipeline has one of them.
    fn claim(&mut self, schema: &Schema, file: &str, object: &Value) -> Option<Finding> {
        let (pipeline, claims) = (pipeline::name(object), pipeline::claims(schema, object));
        let found = self.claimed.iter().filter(|other| other.pipeline != pipeline).find_map(|other| {
            let claim = claims.iter().find(|claim| other.claims.iter().any(|theirs| theirs.overlaps(claim)))?;
            let Claimed { file, pipeline, .. } = other;
            let message = format!(
                "{pipeline} in {file} also claims {claim}: only the pipeline that is created first is published"
            );
            Some(Finding::warning("spec.route", message))
        });
        self.claimed.push(Claimed { file: file.to_owned(), pipeline, claims });
        found
    }

    fn add(&mut self, file: &str, pipeline: Option<String>, finding: Finding) {
        match finding.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        self.findings.push(Located { file: file.to_owned(), pipeline, finding });
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        self.findings.iter().map(|Located { file, pipeline, finding }| {
            let places = [Some(file.as_str()), pipeline.as_deref(), Some(finding.severity.into())];
            let field = Some(finding.field.as_str()).filter(|field| !field.is_empty());
            let places = places.into_iter().chain([field]).flatten().collect::<Vec<_>>().join(": ");
            format!("{places}: {}\n", finding.message)
        })
    }

    fn text(&self) -> String {
        let mut text = self.lines().collect::<String>();
        let count = counted(self.pipelines, "pipeline");
        let (errors, warnings) = (counted(self.errors, "error"), counted(self.warnings, "warning"));
        let _ = writeln!(text, "{count}: {errors}, {warnings}");
        text
    }
}
