//! Limits how many pipelines restart their pods at once when no spec has changed.
//!
//! A new version of the operator changes the pod templates of all pipelines. Each pipeline waits for its turn
//! and meanwhile gets everything else, such as its number of pods. A change of the spec never waits.

mod hold;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::mpsc;
use tokio::time::Instant;

pub(super) use hold::{hold, would_restart};

use crate::cache::PipelineKey;

/// Time after which an unready rollout no longer counts: the progress deadline of a Deployment.
const TIME_LIMIT: Duration = Duration::from_mins(10);

/// The active rollouts and the queue of waiting pipelines.
#[derive(Debug)]
pub(crate) struct Rollouts {
    /// Maximum number of active rollouts; `None` is unlimited.
    most: Option<usize>,
    queue: Mutex<Queue>,
    wake: mpsc::UnboundedSender<PipelineKey>,
}

#[derive(Debug, Default)]
struct Queue {
    active: HashMap<PipelineKey, Instant>,
    waiting: VecDeque<PipelineKey>,
}

impl Rollouts {
    /// Returns a limit of `most` active rollouts, where 0 is unlimited. The receiver returns each pipeline
    /// whose turn has come.
    pub(crate) fn new(most: usize) -> (Self, mpsc::UnboundedReceiver<PipelineKey>) {
        let (wake, woken) = mpsc::unbounded();
        (Self { most: Some(most).filter(|most| *most > 0), queue: Mutex::default(), wake }, woken)
    }

    /// Starts the pipeline's rollout if it is its turn. Otherwise adds the pipeline to the queue and returns
    /// `false`.
    pub(super) fn begin(&self, pipeline: &PipelineKey) -> bool {
        let mut queue = self.queue();
        queue.active.retain(|_, since| since.elapsed() < TIME_LIMIT);
        let turn =
            queue.active.contains_key(pipeline) || self.most.is_none_or(|most| queue.active.len() < most);
        if turn {
            queue.active.entry(pipeline.clone()).or_insert_with(Instant::now);
            queue.waiting.retain(|waiting| waiting != pipeline);
        } else if !queue.waiting.contains(pipeline) {
            queue.waiting.push_back(pipeline.clone());
        }
        turn
    }

    /// Returns whether the pipeline is in the queue.
    pub(super) fn is_waiting(&self, pipeline: &PipelineKey) -> bool {
        self.queue().waiting.contains(pipeline)
    }

    /// Ends the pipeline's rollout, or removes it from the queue.
    pub(super) fn end(&self, pipeline: &PipelineKey) {
        let mut queue = self.queue();
        queue.waiting.retain(|waiting| waiting != pipeline);
        if queue.active.remove(pipeline).is_some() {
            self.wake_next(&mut queue);
        }
    }

    /// Forgets pipelines that no longer exist.
    pub(super) fn retain(&self, known: impl Fn(&PipelineKey) -> bool) {
        let mut queue = self.queue();
        let gone: HashSet<_> = queue.active.keys().filter(|pipeline| !known(pipeline)).cloned().collect();
        queue.waiting.retain(&known);
        for pipeline in gone {
            queue.active.remove(&pipeline);
            self.wake_next(&mut queue);
        }
    }

    /// Returns the number of active rollouts and of waiting pipelines.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let queue = self.queue();
        (queue.active.len(), queue.waiting.len())
    }

    fn wake_next(&self, queue: &mut Queue) {
        if let Some(next) = queue.waiting.pop_front() {
            // The receiver is gone only when the process ends.
            let _ = self.wake.unbounded_send(next);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> PipelineKey {
        PipelineKey { namespace: "a".to_owned(), name: name.to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_rollouts_is_limited_and_the_next_starts_when_one_ends() {
        let (rollouts, mut woken) = Rollouts::new(2);
        assert_eq!(
            ["a", "b", "c", "d", "a"].map(|name| rollouts.begin(&key(name))),
            [true, true, false, false, true]
        );
        assert_eq!(rollouts.counts(), (2, 2));
        rollouts.end(&key("x"));
        assert!(woken.try_recv().is_err());
        rollouts.end(&key("b"));
        assert_eq!(woken.try_recv().unwrap(), key("c"));
        assert!(rollouts.begin(&key("c")));
        rollouts.retain(|known| *known != key("a"));
        assert_eq!(woken.try_recv().unwrap(), key("d"));
        assert_eq!(rollouts.counts(), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stuck_rollout_holds_up_the_others_for_a_limited_time() {
        let (rollouts, _woken) = Rollouts::new(1);
        assert!(rollouts.begin(&key("stuck")));
        assert!(!rollouts.begin(&key("b")));
        tokio::time::advance(TIME_LIMIT).await;
        assert!(rollouts.begin(&key("b")));
    }

    #[test]
    fn zero_is_unlimited() {
        let (rollouts, _woken) = Rollouts::new(0);
        assert!((0..100).all(|number| rollouts.begin(&key(&number.to_string()))));
    }
}
