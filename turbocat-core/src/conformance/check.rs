//! All checks by name, and how they are run.

use std::fmt;
use std::pin::Pin;

use super::complaint::{Complaint, Found};
use super::subject::Subject;
use super::{
    claim, commit, concurrent, create, ending, hints, letters, load, places, release, renew, stalls, starts,
    values,
};

type Running = Pin<Box<dyn Future<Output = Found> + Send>>;

/// Something that must be true of every journal.
#[derive(Clone, Copy)]
pub struct Check {
    name: &'static str,
    run: fn(Subject) -> Running,
}

impl Check {
    /// What must be true, as a sentence.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Runs it on a fresh journal.
    ///
    /// # Errors
    /// What is wrong with the journal.
    pub async fn run(&self, subject: Subject) -> Result<(), Complaint> {
        (self.run)(subject).await
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Check").field(&self.name).finish()
    }
}

/// A check that a journal did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The sentence that is not true of it.
    pub check: &'static str,
    /// What was expected and what was found.
    pub complaint: Complaint,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.complaint)
    }
}

macro_rules! table {
    ($($name:literal => $check:path,)+) => {
        /// All checks.
        const CHECKS: &[Check] = &[$(Check { name: $name, run: |subject| Box::pin($check(subject)) },)+];
    };
}

table! {
    "an execution begins with its first turn, held by its worker" => commit::begins,
    "events are appended in their order" => commit::appends,
    "a turn after another number of events is a conflict and nothing of it is done" => commit::refuses_another_number,
    "a turn by a worker that does not hold its execution is a conflict" => commit::refuses_another_worker,
    "a turn of an unknown execution is a conflict" => commit::refuses_the_unknown,
    "an execution that is there cannot begin again" => commit::begins_once,
    "a turn's letters are sent with it" => commit::sends,
    "a turn's letters to the unknown and the ended vanish" => commit::sends_to_nobody,
    "the letter that a turn answers is gone" => commit::reads,
    "an empty turn answers a letter and changes nothing else" => commit::answers_with_nothing,
    "a turn of many events is one turn" => commit::takes_a_large_turn,
    "executions start with the turn that starts them" => starts::with_the_turn,
    "a turn that starts what is there is a conflict and nothing of it is done" => starts::all_or_none,
    "an execution may begin with the start of another" => starts::at_the_beginning,
    "an execution that ended has no job and no letters" => ending::clears,
    "an execution that ended takes no more turns" => ending::refuses,
    "an execution may end before it began" => ending::before_it_began,
    "an execution may begin and end in one turn" => ending::at_once,
    "every end and its reason come back" => ending::every_status,
    "values of a megabyte come back" => values::large,
    "a definition of a megabyte comes back" => values::large_definition,
    "odd text comes back" => values::odd_text,
    "numbers come back to the last digit" => values::numbers,
    "deep values come back" => values::deep,
    "odd keys and empty values come back" => values::keys,
    "large parts of events come back in their places" => values::events_with_large_parts,
    "of an unknown execution nothing is told" => load::unknown,
    "an execution that nobody drove is pending" => load::pending,
    "an execution that was begun is running" => load::running,
    "parent and lineage come back" => load::family,
    "what has not ended is told the oldest first" => load::oldest_first,
    "what an open execution waits for is not told" => load::not_waited_for,
    "executions are taken in together" => create::many,
    "executions are taken in all or none" => create::all_or_none,
    "an execution is taken in once" => create::not_twice,
    "an execution may be taken in held" => create::held,
    "the smallest priority is given first" => claim::by_priority,
    "of one priority the longest due is given first" => claim::longest_due_first,
    "no more are given than were asked for" => claim::no_more_than_asked,
    "none is given before its time" => claim::not_before_its_time,
    "a claim tells when there may be more" => claim::tells_when_there_is_more,
    "one may be asked for, even before its time" => claim::only_this_one,
    "one that is asked for is not given if another holds it" => claim::only_if_free,
    "one is taken over only where there are no leases" => claim::taken_over,
    "one that was given up is given only by name" => claim::dead_ones_by_name,
    "workers that went away are counted until the execution gets somewhere" => stalls::stalls,
    "failures are counted until the execution gets somewhere" => stalls::failures,
    "an execution that was parked has no failures and no stalls" => stalls::parking_forgets,
    "what was given back can be claimed at once" => release::ready,
    "nobody but its worker gives an execution back" => release::by_its_worker_alone,
    "a parked execution waits for a letter" => release::parked,
    "a parked execution waits for its moment" => release::parked_until,
    "an execution is not parked over a letter" => release::not_parked_over_a_letter,
    "an execution is not parked by a worker that does not know its last event" => release::not_parked_by_who_knows_less,
    "a failed execution waits for its moment" => release::failed_until,
    "a lease ends" => renew::ends,
    "a renewed lease lasts" => renew::lasts,
    "renewing tells what was lost and what has letters" => renew::tells,
    "a worker is told what it holds where no lease ends" => renew::what_is_held,
    "letters are kept in order" => letters::in_order,
    "the same letter twice is there once" => letters::once,
    "letters to nobody are refused" => letters::to_nobody,
    "a letter that cancels wakes a delayed execution" => letters::wake_the_delayed,
    "a turn's letters wake like others" => letters::of_a_turn_wake,
    "letters take no execution away and wake none that was given up" => letters::take_nothing_away,
    "hints come to those who listen" => hints::come,
    "a hint comes when an execution is woken" => hints::of_what_wakes,
    "an agent has no more places than it has" => places::limited,
    "an agent without a limit has places for all" => places::unlimited,
    "places of the gone are free" => places::of_the_gone_are_free,
    "many who claim at once are given each execution once" => concurrent::claims,
    "of many who ask for one execution one is given it" => concurrent::claims_of_one,
    "of many turns after the same event one wins" => concurrent::turns_of_one,
    "of many beginnings of one execution one wins" => concurrent::beginnings,
    "many executions are written at once" => concurrent::turns_of_many,
    "the same letter sent by many at once is there once" => concurrent::the_same_letter,
    "an execution is never parked with a letter nobody will read" => concurrent::parking_and_letters,
    "an execution that ends leaves no letter behind" => concurrent::ending_and_letters,
}

/// All checks.
pub const fn checks() -> &'static [Check] {
    CHECKS
}

/// Runs all checks, each on a journal that `fresh` makes for it. Gives those it does not pass.
pub async fn run(fresh: impl AsyncFn() -> Subject) -> Vec<Failed> {
    let mut failed = Vec::new();
    for check in checks() {
        if let Err(complaint) = check.run(fresh().await).await {
            failed.push(Failed { check: check.name, complaint });
        }
    }
    failed
}

/// Runs the check of that name.
///
/// # Errors
/// What is wrong with the journal.
///
/// # Panics
/// If there is no check of that name.
pub async fn run_one(name: &str, fresh: impl AsyncFn() -> Subject) -> Result<(), Complaint> {
    match checks().iter().find(|check| check.name == name) {
        Some(check) => check.run(fresh().await).await,
        None => panic!("there is no check `{name}`"),
    }
}

/// Runs all checks, each on a journal that `fresh` makes for it.
///
/// # Panics
/// If the journal does not pass them all; the message has all complaints.
pub async fn assert_conforms(fresh: impl AsyncFn() -> Subject) {
    let failed = run(fresh).await;
    let list: String = failed.iter().map(|failed| format!("\n- {failed}")).collect();
    assert!(failed.is_empty(), "{} of {} checks failed:{list}", failed.len(), checks().len());
}
