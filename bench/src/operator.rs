//! Measures the operator with a real kube-apiserver on etcd, many pipelines and no nodes: the time until all are reconciled,
//! the duration of a reconciliation, the cost of a steady pipeline, and the start of a new operator.

mod cluster;
mod metrics;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use eventpipeline_testkit::Program;

use crate::process::{self, Cpu};
use crate::report::{Report, Target};
use cluster::Cluster;
use metrics::Metrics;

/// Number of pipelines that become steady, to measure the cost of reconciliations without changes.
const STEADY: usize = 50;
/// Time limit of each step.
const LIMIT: Duration = Duration::from_mins(15);

/// Measures the operator with this many pipelines.
pub(crate) async fn run(programs: &Path, pipelines: usize, report: &mut Report) -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    let operator = Operator::start(programs, &cluster).await?;
    first_time(&cluster, &operator, pipelines, report).await?;
    steady(&cluster, &operator, pipelines.min(STEADY), report).await?;
    drop(operator);
    restart(programs, &cluster, pipelines, report).await
}

/// A running operator.
struct Operator {
    program: Program,
    metrics: Metrics,
}

impl Operator {
    async fn start(programs: &Path, cluster: &Cluster) -> anyhow::Result<Self> {
        let path = programs.join("eventpipeline-operator");
        let path = path.canonicalize().with_context(|| format!("no {}", path.display()))?;
        let kubeconfig = cluster.kubeconfig().display().to_string();
        let environment = [
            ("KUBECONFIG", kubeconfig.as_str()),
            ("IMAGE", "registry.example/eventpipeline:bench"),
            ("ADMIN_ADDRESS", "127.0.0.1:0"),
        ];
        let program =
            Program::start("eventpipeline-operator", &[&path.display().to_string(), "serve"], &environment);
        let metrics = Metrics::of(program.address("the admin server listens").await);
        Ok(Self { program, metrics })
    }
}

async fn first_time(
    cluster: &Cluster,
    operator: &Operator,
    pipelines: usize,
    report: &mut Report,
) -> anyhow::Result<()> {
    let before = operator.metrics.read().await?;
    let cpu = Cpu::start(operator.program.pid())?;
    let begun = Instant::now();
    cluster.create(pipelines).await?;
    let created = begun.elapsed();
    while !cluster.all_reconciled().await? {
        wait(begun).await?;
    }
    let note = format!("all were created after {:.1} s; {:.2} cores", created.as_secs_f64(), cpu.cores()?);
    let figure = format!("{pipelines} new pipelines until all are reconciled");
    report.add(figure, begun.elapsed().as_secs_f64(), "s", Target::None, note);
    quiet(operator).await?;
    let sample = operator.metrics.read().await?.since(&before);
    let calls = sample.calls() / sample.reconciles();
    report.add(
        "calls of a reconciliation that creates",
        calls,
        "",
        Target::None,
        format!("{} reconciliations", sample.reconciles()),
    );
    times("a reconciliation while they are created", &sample, report);
    let memory = process::memory(operator.program.pid())?;
    let note = format!("{:.0} MiB at its highest", memory.peak);
    report.add("operator, resident", memory.now, "MiB", Target::AtMost(64.0), note);
    Ok(())
}

/// Measures reconciliations of ready pipelines after a change of their annotations.
async fn steady(
    cluster: &Cluster,
    operator: &Operator,
    pipelines: usize,
    report: &mut Report,
) -> anyhow::Result<()> {
    cluster.make_ready(pipelines).await?;
    quiet(operator).await?;
    let before = operator.metrics.read().await?;
    cluster.touch(pipelines).await?;
    let begun = Instant::now();
    loop {
        let sample = operator.metrics.read().await?.since(&before);
        if sample.reconciles() >= count(pipelines) {
            let calls = sample.calls() / sample.reconciles();
            let note = format!("{} reconciliations", sample.reconciles());
            report.add("calls of a steady reconciliation", calls, "", Target::AtMost(0.0), note);
            times("a steady reconciliation", &sample, report);
            return Ok(());
        }
        wait(begun).await?;
    }
}

/// Measures the start of a new operator, which reconciles every pipeline.
async fn restart(
    programs: &Path,
    cluster: &Cluster,
    pipelines: usize,
    report: &mut Report,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    let operator = Operator::start(programs, cluster).await?;
    let sample = loop {
        let sample = operator.metrics.read().await?;
        if sample.reconciles() >= count(pipelines) {
            break sample;
        }
        wait(begun).await?;
    };
    let note = format!("{:.1} calls each", sample.calls() / sample.reconciles());
    let figure = format!("{pipelines} pipelines, as many reconciliations by a new operator");
    report.add(figure, begun.elapsed().as_secs_f64(), "s", Target::AtMost(60.0), note);
    times("a reconciliation after a restart", &sample, report);
    let memory = process::memory(operator.program.pid())?;
    let note = format!("{:.0} MiB at its highest", memory.peak);
    report.add("new operator, resident", memory.now, "MiB", Target::AtMost(64.0), note);
    Ok(())
}

fn times(of: &str, sample: &metrics::Sample, report: &mut Report) {
    for (quantile, target) in [(0.5, Target::None), (0.99, Target::AtMost(250.0))] {
        let figure = format!("{of}, p{:.0}", quantile * 100.0);
        report.add(figure, sample.quantile(quantile) * 1000.0, "ms", target, "");
    }
}

/// Waits until there was no reconciliation for two seconds.
async fn quiet(operator: &Operator) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut before = operator.metrics.read().await?.reconciles();
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let now = operator.metrics.read().await?.reconciles();
        if now <= before {
            return Ok(());
        }
        before = now;
        wait(begun).await?;
    }
}

async fn wait(begun: Instant) -> anyhow::Result<()> {
    if begun.elapsed() > LIMIT {
        bail!("not finished after {} s", LIMIT.as_secs());
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    Ok(())
}

fn count(pipelines: usize) -> f64 {
    u32::try_from(pipelines).map_or(f64::INFINITY, f64::from)
}
