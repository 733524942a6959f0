//! The journal in memory keeps the contract of journals, with leases and without.

use std::sync::Arc;
use std::time::Duration;

use turbocat_core::MemoryJournal;
use turbocat_core::conformance::{Subject, assert_conforms, checks};
use turbocat_core::testing::ManualClock;

fn subject(journal: MemoryJournal, clock: ManualClock) -> Subject {
    journal.limit_agent("scarce", 3);
    Subject::new(Arc::new(journal)).clock(clock).agent_places("scarce", 3)
}

#[tokio::test]
async fn a_journal_in_memory_without_leases_keeps_the_contract() {
    assert_conforms(async || {
        let clock = ManualClock::new();
        subject(MemoryJournal::with_clock(clock.clone()), clock)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_in_memory_with_leases_keeps_the_contract() {
    assert_conforms(async || {
        let clock = ManualClock::new();
        subject(MemoryJournal::leased(Duration::from_secs(30), clock.clone()), clock)
    })
    .await;
}

#[test]
fn every_check_has_a_name_of_its_own() {
    let mut names: Vec<_> = checks().iter().map(|check| check.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), checks().len());
}
