//! A layer around all of apalis's own that reports when a job's completion is stored.

use std::task::{Context, Poll};
use std::time::Instant;

use apalis_core::layers::{Layer, Service};
use apalis_mysql::MySqlTask;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::mpsc::UnboundedSender;

use crate::Job;

/// A completed job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Completed {
    pub(crate) number: u32,
    pub(crate) at: Instant,
}

/// Sends each completed job.
#[derive(Debug, Clone)]
pub(crate) struct Reports(pub(crate) UnboundedSender<Completed>);

impl<S> Layer<S> for Reports {
    type Service = Reporting<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Reporting { inner, reports: self.0.clone() }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Reporting<S> {
    inner: S,
    reports: UnboundedSender<Completed>,
}

impl<S> Service<MySqlTask<Job>> for Reporting<S>
where
    S: Service<MySqlTask<Job>>,
    S::Future: Send + 'static,
    S::Response: Send,
    S::Error: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, task: MySqlTask<Job>) -> Self::Future {
        let (number, reports) = (task.args.number, self.reports.clone());
        let completing = self.inner.call(task);
        async move {
            let completed = completing.await?;
            // The receiver is gone when everything is measured.
            let _ = reports.send(Completed { number, at: Instant::now() });
            Ok(completed)
        }
        .boxed()
    }
}
