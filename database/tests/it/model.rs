//! The event's state machine: generated histories run on a real table and on a one-page model of it.
//!
//! After each step both must agree on the result of the step and on every row.
//!
//! Every run has other histories. A failure prints the seed; `PROPTEST_RNG_SEED=...` repeats it.

mod classic;
mod consumers;
mod event;
mod keys;
mod run;
mod step;
mod tally;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngSeed, TestRunner};

use crate::keys::set_rules;
use crate::support::on_each;

use run::Run;

/// Minimum and maximum number of histories. The test ends between them once every possible action has occurred.
const FEWEST_HISTORIES: usize = 25;
const MOST_HISTORIES: usize = 500;
const STEPS: usize = 40;

#[tokio::test]
async fn the_table_does_what_the_model_does() {
    let seed = match ProptestConfig::default().rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => rand::random(),
    };
    println!("to repeat: PROPTEST_RNG_SEED={seed}");
    on_each(async |fixture| {
        let config = ProptestConfig { rng_seed: RngSeed::Fixed(seed), ..ProptestConfig::default() };
        let mut runner = TestRunner::new(config);
        let histories = prop::collection::vec(step::any(), STEPS);
        set_rules(&fixture, r#"{"concurrency": 1, "onDead": "Skip"}"#).await;
        let mut run = Run::new(fixture);
        for number in 0.. {
            let missing = run.tally.missing();
            if number >= FEWEST_HISTORIES && missing.is_empty() {
                break;
            }
            assert!(number < MOST_HISTORIES, "never happened: {missing:?}");
            let history = histories.new_tree(&mut runner).unwrap().current();
            run.begin().await;
            for (index, step) in history.iter().enumerate() {
                run.take(step).await;
                assert_eq!(run.table().await, run.events(), "after {:#?}", &history[..=index]);
            }
        }
    })
    .await;
}
