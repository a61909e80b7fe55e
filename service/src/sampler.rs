//! Sampling of log lines: all lines under low load; otherwise the first lines of each second and the number
//! of others.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

const SECOND: Duration = Duration::from_secs(1);

/// Arguments of the sampling.
#[derive(Debug, Clone, Copy, Args)]
pub struct SamplerArgs {
    /// Maximum number of events per second with their own log line; another line per second counts the rest.
    /// 0 disables both
    #[arg(long, env = "LOG_EVENTS_PER_SECOND", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    log_events_per_second: u32,
}

/// Decides which items get their own line, in a few nanoseconds.
#[derive(Debug)]
pub struct Sampler {
    per_second: u32,
    /// Lines left in this second.
    left: AtomicU32,
    /// Number of items without a line.
    more: AtomicU64,
}

impl Sampler {
    /// Creates a sampler with all lines of the first second left.
    pub fn new(args: SamplerArgs) -> Self {
        let per_second = args.log_events_per_second;
        Self { per_second, left: AtomicU32::new(per_second), more: AtomicU64::new(0) }
    }

    /// Returns how many of `many` items get their own line, and counts the others.
    pub fn take(&self, many: usize) -> usize {
        let wanted = u32::try_from(many).unwrap_or(u32::MAX);
        let taken = |left: u32| left.saturating_sub(wanted);
        let left = self.left.update(Ordering::Relaxed, Ordering::Relaxed, taken);
        let lines = usize::try_from(left.min(wanted)).unwrap_or(many);
        if lines < many {
            self.more.fetch_add(u64::try_from(many - lines).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        lines
    }

    /// Calls `say` after each second with the number of items without a line, if any, until `end`.
    pub async fn run(&self, end: CancellationToken, say: impl Fn(u64)) {
        let mut seconds = tokio::time::interval(SECOND);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut over = false;
        while !over {
            tokio::select! {
                () = end.cancelled() => over = true,
                _ = seconds.tick() => {}
            }
            self.left.store(self.per_second, Ordering::Relaxed);
            let more = self.more.swap(0, Ordering::Relaxed);
            // If no lines are wanted, neither is their number.
            if more > 0 && self.per_second > 0 {
                say(more);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_items_of_each_second_get_lines_and_the_others_are_counted() {
        let sampler = Arc::new(Sampler::new(SamplerArgs { log_events_per_second: 10 }));
        let (end, said) = (CancellationToken::new(), Arc::new(Mutex::new(Vec::new())));
        assert_eq!((sampler.take(3), sampler.take(6), sampler.take(500), sampler.take(1)), (3, 6, 1, 0));
        let (task, heard, until) = (Arc::clone(&sampler), Arc::clone(&said), end.clone());
        let running =
            tokio::spawn(async move { task.run(until, |more| heard.lock().unwrap().push(more)).await });
        tokio::time::sleep(SECOND * 3).await;
        assert_eq!((sampler.take(11), sampler.take(1)), (10, 0));
        end.cancel();
        running.await.unwrap();
        assert_eq!(*said.lock().unwrap(), [500, 2]);
    }

    #[test]
    fn lines_can_be_disabled() {
        let sampler = Sampler::new(SamplerArgs { log_events_per_second: 0 });
        assert_eq!(sampler.take(5), 0);
    }
}
