//! Log lines about each of many things: all of them while they are few, and under load the first of each second and how many more
//! there were.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

const SECOND: Duration = Duration::from_secs(1);

/// How many events have a log line of their own.
#[derive(Debug, Clone, Copy, Args)]
pub struct SamplerArgs {
    /// How many events a second have a log line of their own; of the others a line a second says how many they were. 0: none has
    #[arg(long, env = "LOG_EVENTS_PER_SECOND", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    log_events_per_second: u32,
}

/// Decides which things have a line of their own. Costs a few nanoseconds.
#[derive(Debug)]
pub struct Sampler {
    per_second: u32,
    /// Of this second.
    left: AtomicU32,
    /// How many had none.
    more: AtomicU64,
}

impl Sampler {
    /// With all lines of the first second left.
    pub fn new(args: SamplerArgs) -> Self {
        let per_second = args.log_events_per_second;
        Self { per_second, left: AtomicU32::new(per_second), more: AtomicU64::new(0) }
    }

    /// Of so many things, how many have a line of their own. The others are counted.
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

    /// Says after each second how many had no line of their own, where there were some, until `end`.
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
            // Where no lines are wanted, neither is their number.
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
    async fn the_first_of_each_second_have_lines_and_the_others_are_counted() {
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
    fn there_may_be_no_lines_at_all() {
        let sampler = Sampler::new(SamplerArgs { log_events_per_second: 0 });
        assert_eq!(sampler.take(5), 0);
    }
}
