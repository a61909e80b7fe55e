//! How many pipelines restart their pods at once when nobody has changed their spec.
//!
//! A new version of the operator changes the templates of all pipelines. Each of them waits for its turn; what else it
//! needs, its number of pods first of all, it gets meanwhile. What its author changes waits for nothing.

mod hold;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::mpsc;
use tokio::time::Instant;

pub(super) use hold::{hold, would_restart};

use crate::cache::PipelineKey;

/// After this time a rollout that is not ready makes place for another: as long as a Deployment is given.
const LONGEST: Duration = Duration::from_mins(10);

/// Who is under way, and who waits.
#[derive(Debug)]
pub(crate) struct Rollouts {
    /// How many may be under way; none: any number.
    most: Option<usize>,
    line: Mutex<Line>,
    wake: mpsc::UnboundedSender<PipelineKey>,
}

#[derive(Debug, Default)]
struct Line {
    under_way: HashMap<PipelineKey, Instant>,
    waiting: VecDeque<PipelineKey>,
}

impl Rollouts {
    /// `most` of 0: any number. What comes of the receiver is whose turn it is now.
    pub(crate) fn new(most: usize) -> (Self, mpsc::UnboundedReceiver<PipelineKey>) {
        let (wake, woken) = mpsc::unbounded();
        (Self { most: Some(most).filter(|most| *most > 0), line: Mutex::default(), wake }, woken)
    }

    /// Whether it is the pipeline's turn; otherwise it is in line from now on.
    pub(super) fn begin(&self, pipeline: &PipelineKey) -> bool {
        let mut line = self.line();
        line.under_way.retain(|_, since| since.elapsed() < LONGEST);
        let turn =
            line.under_way.contains_key(pipeline) || self.most.is_none_or(|most| line.under_way.len() < most);
        if turn {
            line.under_way.entry(pipeline.clone()).or_insert_with(Instant::now);
            line.waiting.retain(|waiting| waiting != pipeline);
        } else if !line.waiting.contains(pipeline) {
            line.waiting.push_back(pipeline.clone());
        }
        turn
    }

    /// Whether the pipeline is in line.
    pub(super) fn waits(&self, pipeline: &PipelineKey) -> bool {
        self.line().waiting.contains(pipeline)
    }

    /// The pipeline is as it must be, or needs no turn any more.
    pub(super) fn end(&self, pipeline: &PipelineKey) {
        let mut line = self.line();
        line.waiting.retain(|waiting| waiting != pipeline);
        if line.under_way.remove(pipeline).is_some() {
            self.wake_next(&mut line);
        }
    }

    /// Forgets the pipelines that are not known any more.
    pub(super) fn retain(&self, known: impl Fn(&PipelineKey) -> bool) {
        let mut line = self.line();
        let gone: HashSet<_> = line.under_way.keys().filter(|pipeline| !known(pipeline)).cloned().collect();
        line.waiting.retain(&known);
        for pipeline in gone {
            line.under_way.remove(&pipeline);
            self.wake_next(&mut line);
        }
    }

    /// How many are under way, and how many wait.
    pub(crate) fn numbers(&self) -> (usize, usize) {
        let line = self.line();
        (line.under_way.len(), line.waiting.len())
    }

    fn wake_next(&self, line: &mut Line) {
        if let Some(next) = line.waiting.pop_front() {
            // Nobody hears it when the process ends.
            let _ = self.wake.unbounded_send(next);
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> PipelineKey {
        PipelineKey { namespace: "a".to_owned(), name: name.to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_are_under_way_and_the_next_is_woken_when_one_ends() {
        let (rollouts, mut woken) = Rollouts::new(2);
        assert_eq!(
            ["a", "b", "c", "d", "a"].map(|name| rollouts.begin(&key(name))),
            [true, true, false, false, true]
        );
        assert_eq!(rollouts.numbers(), (2, 2));
        rollouts.end(&key("x"));
        assert!(woken.try_recv().is_err());
        rollouts.end(&key("b"));
        assert_eq!(woken.try_recv().unwrap(), key("c"));
        assert!(rollouts.begin(&key("c")));
        rollouts.retain(|known| *known != key("a"));
        assert_eq!(woken.try_recv().unwrap(), key("d"));
        assert_eq!(rollouts.numbers(), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_does_not_get_ready_holds_up_the_others_for_a_while_only() {
        let (rollouts, _woken) = Rollouts::new(1);
        assert!(rollouts.begin(&key("broken")));
        assert!(!rollouts.begin(&key("b")));
        tokio::time::advance(LONGEST).await;
        assert!(rollouts.begin(&key("b")));
    }

    #[test]
    fn none_is_no_limit() {
        let (rollouts, _woken) = Rollouts::new(0);
        assert!((0..100).all(|number| rollouts.begin(&key(&number.to_string()))));
    }
}
