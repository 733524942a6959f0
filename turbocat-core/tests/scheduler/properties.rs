//! Any workflow, any order of events: the scheduler does what the model does, keeps its limits,
//! ends, and can be read back at any moment.
//!
//! A case that fails is printed as YAML with its moves. Keep it in [`regressions`](crate::regressions).

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::drive::{Act, Case, Damage, Move, Stale, check, spoil};
use crate::sketch::{Flavour, sketches};

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let stale = prop::sample::select(vec![
        Stale::LaterAttempt,
        Stale::EarlierAttempt,
        Stale::EndedAttempt,
        Stale::LostAfterwards,
        Stale::UnknownFrame,
        Stale::UnknownStep,
        Stale::EarlyTimer,
        Stale::NobodyAsks,
        Stale::UnknownChild,
        Stale::Again,
    ]);
    let act = prop_oneof![
        24 => (0..3_u8).prop_map(Act::Complete),
        8 => (any::<bool>(), prop::bool::weighted(0.8)).prop_map(|(flaky, retryable)| Act::Fail { flaky, retryable }),
        2 => Just(Act::TakeTooLong),
        4 => Just(Act::Lose),
        6 => Just(Act::Time),
        3 => (0..2_u8).prop_map(Act::Signal),
        3 => prop::bool::weighted(0.7).prop_map(Act::Answer),
        3 => prop::bool::weighted(0.7).prop_map(Act::EndChild),
        5 => stale.prop_map(Act::Stale),
        2 => Just(Act::Pause),
        3 => Just(Act::Resume),
        1 => Just(Act::Cancel),
    ];
    let gap = prop_oneof![4 => Just(0), 4 => 1..4_u8, 1 => 4..20_u8];
    vec((gap, any::<u8>(), act).prop_map(|(gap, pick, act)| Move { gap, pick, act }), 0..16)
}

fn config(share: u32) -> Config {
    let all: u32 = std::env::var("TURBOCAT_CASES").ok().map_or(10_000, |text| text.parse().unwrap());
    // Every time the same cases where nobody watches; other ones where more than usual are asked for.
    let seed = if all == 10_000 { RngSeed::Fixed(0x7075_7272) } else { RngSeed::Random };
    Config { cases: all * share / 100, rng_seed: seed, failure_persistence: None, ..Config::default() }
}

/// Plays many cases; `share` of 100 of those that `TURBOCAT_CASES` asks for.
fn play(flavour: Flavour, share: u32) {
    let config = config(share);
    let cases_asked_for = config.cases;
    let cases = (sketches(flavour), moves()).prop_map(|(sketch, moves)| Case { sketch, moves });
    let mut refused = 0_u32;
    let mut ended = std::collections::BTreeMap::<&str, u32>::new();
    let found = std::cell::RefCell::new((&mut refused, &mut ended));
    let result = TestRunner::new(config).run(&cases, |case| {
        let (refused, ended) = &mut *found.borrow_mut();
        match check(&case) {
            Some(outcome) => *ended.entry(outcome.status.word()).or_default() += 1,
            None => **refused += 1,
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}\nits events:\n{}", crate::drive::last_log().join("\n"));
    }
    // The cases must be worth playing.
    assert!(refused * 10 < cases_asked_for, "too many workflows contradict themselves: {refused}");
    assert!(ended.len() >= 3, "too few ways to end: {ended:?}");
}

#[test]
fn any_graph_of_steps_goes_as_the_model_says() {
    play(Flavour::Graph, 30);
}

#[test]
fn loops_and_branches_inside_each_other_go_as_the_model_says() {
    play(Flavour::Nested, 20);
}

#[test]
fn waits_and_time_limits_go_as_the_model_says() {
    play(Flavour::Timed, 30);
}

#[test]
fn everything_together_goes_as_the_model_says() {
    play(Flavour::All, 20);
}

#[test]
fn a_spoilt_log_is_refused_or_gone_on_with_but_never_a_panic() {
    let damage = prop::sample::select(vec![Damage::Loss, Damage::Repetition, Damage::Swap]);
    let cases = (sketches(Flavour::All), moves()).prop_map(|(sketch, moves)| Case { sketch, moves });
    let refused = std::cell::Cell::new(0_u32);
    let config = config(10);
    let all = config.cases;
    let result = TestRunner::new(config).run(&(cases, damage, any::<usize>()), |(case, damage, place)| {
        refused.set(refused.get() + u32::from(spoil(&case, damage, place) == Some(true)));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    assert!(refused.get() * 4 > all, "only {} of {all} were refused", refused.get());
}
