//! What was seen of a simulation: its trace, who held and wrote which execution, which attempts
//! were begun, which letters were read. Complains about what must not be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use turbocat_core::testing::ManualClock;
use turbocat_core::{
    AgentPlace, Clock, Commit, ExecutionId, Letter, MemoryJournal, Message, NewExecution, Timestamp,
};
use uuid::Uuid;

use crate::chance::Chance;

/// One life of an engine: which node, and how often it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Life {
    pub(crate) node: usize,
    pub(crate) number: u32,
}

impl std::fmt::Display for Life {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", ["A", "B", "C"][self.node], self.number)
    }
}

/// How much goes wrong, each in a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chaos {
    pub(crate) crashes: u64,
    pub(crate) pauses: u64,
    pub(crate) faults: u64,
    pub(crate) delays: u64,
    pub(crate) hints: u64,
}

/// What one call of the journal meets with.
pub(crate) enum Fate {
    Done,
    Fails,
    FailsAfterwards,
}

pub(crate) struct Seen {
    pub(crate) clock: ManualClock,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) chance: Mutex<Chance>,
    pub(crate) chaos: Chaos,
    /// Nothing goes wrong any more.
    pub(crate) calm: AtomicBool,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    trace: Vec<String>,
    complaints: Vec<String>,
    names: BTreeMap<ExecutionId, String>,
    /// Who holds an execution, and until when.
    holder: BTreeMap<ExecutionId, (Life, Timestamp)>,
    writer: BTreeMap<ExecutionId, Life>,
    /// Those of whose last turn its writer does not know yet that it is written.
    unanswered: BTreeSet<ExecutionId>,
    ended: BTreeSet<ExecutionId>,
    letters: BTreeMap<Uuid, Letter>,
    /// Letters in their boxes.
    unread: BTreeSet<Uuid>,
    begun: BTreeSet<(ExecutionId, String, u32)>,
    /// How often an execution was given to somebody, or its lease ended under its holder.
    turns: BTreeMap<ExecutionId, u64>,
    /// The places that were given, each with the turn of its execution then.
    given: BTreeMap<(Life, ExecutionId, String), u64>,
    /// Attempts of the agent that has few places: number, execution and turn.
    few: Vec<(u64, ExecutionId, u64)>,
    entered: u64,
}

/// How long an engine holds an execution.
pub(crate) const LEASE: Duration = Duration::from_secs(10);

/// How many places the agent has that has few.
pub(crate) const FEW: usize = 2;

/// An attempt is in one of the few places for as long as this lives.
pub(crate) struct Inside {
    seen: Arc<Seen>,
    number: u64,
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.seen.known.lock().unwrap().few.retain(|(number, ..)| *number != self.number);
    }
}

impl Seen {
    pub(crate) fn new(journal: Arc<MemoryJournal>, clock: ManualClock, chance: Chance, chaos: Chaos) -> Self {
        let (chance, calm, known) = (Mutex::new(chance), AtomicBool::new(false), Mutex::default());
        Self { clock, journal, chance, chaos, calm, known }
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    pub(crate) fn hits(&self, per_mille: u64) -> bool {
        self.chance.lock().unwrap().hits(per_mille)
    }

    /// What the next call meets with.
    pub(crate) fn fate(&self) -> Fate {
        if self.is_calm() || !self.hits(self.chaos.faults) {
            return Fate::Done;
        }
        if self.hits(500) { Fate::Fails } else { Fate::FailsAfterwards }
    }

    /// Takes some time: mostly none, but others may go on meanwhile.
    pub(crate) async fn pause(&self) {
        let delayed = !self.is_calm() && self.hits(self.chaos.delays);
        if delayed {
            let long = self.hits(100);
            let millis = self.chance.lock().unwrap().between(1, if long { 20_000 } else { 200 });
            self.sleep(Duration::from_millis(millis)).await;
        } else if self.hits(500) {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn sleep(&self, pause: Duration) {
        self.clock.sleep_until(self.clock.now().after(pause)).await;
    }

    pub(crate) fn name(&self, execution: ExecutionId) -> String {
        let name = self.known.lock().unwrap().names.get(&execution).cloned();
        name.unwrap_or_else(|| execution.to_string()[28..].to_owned())
    }

    pub(crate) fn names(&self, execution: ExecutionId, name: String) {
        self.known.lock().unwrap().names.insert(execution, name);
    }

    pub(crate) fn note(&self, what: &str) {
        let at = self.clock.elapsed().as_millis();
        self.known.lock().unwrap().trace.push(format!("{at:>8} {what}"));
    }

    pub(crate) fn complain(&self, what: &str) {
        self.note(&format!("WRONG: {what}"));
        self.known.lock().unwrap().complaints.push(what.to_owned());
    }

    pub(crate) fn has_complaints(&self) -> bool {
        !self.known.lock().unwrap().complaints.is_empty()
    }

    /// The trace and the complaints.
    pub(crate) fn report(&self) -> (Vec<String>, Vec<String>) {
        let mut known = self.known.lock().unwrap();
        (std::mem::take(&mut known.trace), std::mem::take(&mut known.complaints))
    }

    /// Every execution there ever was.
    pub(crate) fn executions(&self) -> Vec<ExecutionId> {
        self.known.lock().unwrap().names.keys().copied().collect()
    }

    pub(crate) fn claims(&self, life: Life, execution: ExecutionId) {
        let until = self.clock.now().after(LEASE);
        let mut known = self.known.lock().unwrap();
        known.holder.insert(execution, (life, until));
        *known.turns.entry(execution).or_default() += 1;
    }

    /// An execution is held for longer.
    pub(crate) fn renews(&self, life: Life, execution: ExecutionId) {
        let now = self.clock.now();
        let mut known = self.known.lock().unwrap();
        let Some((holder, until)) = known.holder.get_mut(&execution) else { return };
        if *holder != life {
            return;
        }
        let lapsed = *until <= now;
        *until = now.after(LEASE);
        if lapsed {
            // Its places may have been given to others meanwhile.
            *known.turns.entry(execution).or_default() += 1;
        }
    }

    /// An execution was given back.
    pub(crate) fn releases(&self, life: Life, execution: ExecutionId) {
        let mut known = self.known.lock().unwrap();
        if known.holder.get(&execution).is_some_and(|(by, _)| *by == life) {
            known.holder.remove(&execution);
        }
    }

    pub(crate) fn takes_in(&self, life: Life, new: &NewExecution) {
        let mut known = self.known.lock().unwrap();
        let name = new.execution.to_string()[28..].to_owned();
        known.names.entry(new.execution).or_insert(name);
        drop(known);
        if new.held_by.is_some() {
            self.claims(life, new.execution);
        }
    }

    pub(crate) fn posts(&self, letter: &Letter) {
        let mut known = self.known.lock().unwrap();
        known.letters.insert(letter.id, letter.clone());
        known.unread.insert(letter.id);
    }

    /// A turn was written.
    pub(crate) fn commits(&self, life: Life, commit: &Commit<'_>) {
        let id = commit.execution;
        let (name, (from, count)) = (self.name(id), (commit.expected_seq, commit.events.len()));
        let words: Vec<&str> = commit.events.iter().filter_map(|event| event["type"].as_str()).collect();
        self.note(&format!("{life} writes {name} {from}+{count} {}", words.join(" ")));
        let mut wrong = Vec::new();
        for new in commit.begins.into_iter().chain(commit.starts) {
            self.takes_in(life, new);
        }
        let mut known = self.known.lock().unwrap();
        known.writer.insert(id, life);
        if known.holder.get(&id).is_none_or(|(holder, _)| *holder != life) {
            wrong.push(format!("{life} writes to {name}, which it does not hold"));
        }
        known.unanswered.insert(id);
        if known.ended.contains(&id) && !commit.events.is_empty() {
            wrong.push(format!("{life} writes to {name}, which has ended"));
        }
        if let Some(read) = commit.read {
            // An answer without events may be doubtful and given twice.
            if !known.unread.remove(&read) && count > 0 {
                wrong.push(format!("{life} answers a letter to {name} that is not in its box"));
            }
            if let Some(Message::Signal { payload, .. }) =
                known.letters.get(&read).map(|letter| &letter.message)
            {
                let heard =
                    |event: &&Value| event["type"] == "signalReceived" && event["payload"] == **payload;
                let times = commit.events.iter().filter(heard).count();
                if times != 1 {
                    wrong.push(format!("a signal to {name} was heard {times} times: {payload}"));
                }
            }
        }
        if commit.standing.status.is_ended() {
            known.ended.insert(id);
            let letters = &known.letters;
            let theirs = |read: &Uuid| letters.get(read).is_some_and(|letter| letter.to == id);
            let gone: Vec<Uuid> = known.unread.iter().copied().filter(|read| theirs(read)).collect();
            for read in gone {
                known.unread.remove(&read);
            }
        }
        drop(known);
        for letter in commit.sends {
            if !self.known.lock().unwrap().ended.contains(&letter.to) {
                self.posts(letter);
            }
        }
        wrong.iter().for_each(|wrong| self.complain(wrong));
    }

    /// Whoever writes to an execution knows how far it is written.
    pub(crate) fn answers(&self, life: Life, execution: ExecutionId) {
        let mut known = self.known.lock().unwrap();
        if known.writer.get(&execution) == Some(&life) {
            known.unanswered.remove(&execution);
        }
    }

    /// Whether that is who drives an execution, and knows how it stands: it holds it, and nobody
    /// else has written to it.
    pub(crate) fn drives(&self, life: Life, execution: ExecutionId) -> bool {
        let known = self.known.lock().unwrap();
        if known.unanswered.contains(&execution) {
            return false;
        }
        let holds = known.holder.get(&execution).is_some_and(|(by, _)| *by == life);
        holds && known.writer.get(&execution) == Some(&life)
    }

    /// An attempt is begun. False if it was begun before.
    pub(crate) fn begins(&self, execution: ExecutionId, path: &str, attempt: u32) -> bool {
        self.known.lock().unwrap().begun.insert((execution, path.to_owned(), attempt))
    }

    /// An attempt got one of the few places.
    pub(crate) fn places(&self, life: Life, place: &AgentPlace) {
        let mut known = self.known.lock().unwrap();
        let turn = known.turns.get(&place.execution).copied().unwrap_or(0);
        known.given.insert((life, place.execution, place.attempt.clone()), turn);
    }

    /// An attempt of the agent that has few places begins: the others hold the rest, those aside
    /// that lost theirs with their executions.
    pub(crate) fn enters(self: &Arc<Self>, life: Life, execution: ExecutionId, attempt: String) -> Inside {
        let mut known = self.known.lock().unwrap();
        known.entered += 1;
        let number = known.entered;
        let given = known.given.get(&(life, execution, attempt)).copied();
        known.few.push((number, execution, given.unwrap_or(0)));
        let (holder, turns, now) = (&known.holder, &known.turns, self.clock.now());
        let holds =
            |id, turn| turns.get(id) == Some(turn) && holder.get(id).is_some_and(|(_, until)| *until > now);
        let rightly = known.few.iter().filter(|(_, id, turn)| holds(id, turn)).count();
        drop(known);
        if given.is_none() {
            self.complain(&format!("{life} begins an attempt that has no place"));
        }
        if rightly > FEW {
            self.complain(&format!("{rightly} attempts at once of an agent that has {FEW} places"));
        }
        Inside { seen: self.clone(), number }
    }

    pub(crate) fn unread(&self) -> usize {
        self.known.lock().unwrap().unread.len()
    }
}
