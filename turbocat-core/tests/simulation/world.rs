//! The simulation: whose turn it is, who crashes, what time it is.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use tokio::sync::broadcast;
use turbocat_core::testing::{ManualClock, check_recorded};
use turbocat_core::{ExecutionStatus, Hint, Journal, MemoryJournal, Recorded, Scheduler, Timestamp};

use crate::chance::Chance;
use crate::client::{Errand, Order, Wish, ask, errands};
use crate::flows::{plan_of, reference};
use crate::node::{Node, State};
use crate::seen::{Chaos, FEW, LEASE, Life, Seen};
use crate::wire::Wire;

const NODES: usize = 3;
/// How long things go wrong.
const TROUBLE: Duration = Duration::from_secs(90);
/// When everything must have ended.
const END: Duration = Duration::from_secs(2 * 3600);
/// How many turns there may be at most: more is a loop.
const TURNS: u64 = 400_000;

/// What came of a seed.
pub(crate) struct Report {
    pub(crate) trace: Vec<String>,
    pub(crate) complaints: Vec<String>,
    pub(crate) turns: u64,
}

struct World {
    seen: Arc<Seen>,
    chance: Chance,
    nodes: Vec<Node>,
    /// How far each node's clock is ahead, in milliseconds.
    ahead: Vec<i64>,
    orders: Vec<Order>,
    errands: Vec<Errand>,
    hints: broadcast::Receiver<Hint>,
    /// Hints on their way: when, to whom.
    late: Vec<(Timestamp, usize, Hint)>,
    turns: u64,
}

thread_local! {
    static PANICS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// Panics of engines end in their tasks, where nobody would hear of them.
fn listen_to_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.with(|panics| panics.set(panics.get() + 1));
            before(panic);
        }));
    });
}

/// Plays a seed to its end.
pub(crate) fn simulate(seed: u64) -> Report {
    listen_to_panics();
    PANICS.with(|panics| panics.set(0));
    let mut chance = Chance::new(seed);
    let clock = ManualClock::new();
    let journal = Arc::new(MemoryJournal::leased(LEASE, clock.clone()));
    journal.limit_agent("few", FEW);
    let mut level = |levels: &[u64]| *chance.pick(levels);
    let chaos = Chaos {
        crashes: level(&[0, 1, 5, 20]),
        pauses: level(&[0, 1, 5]),
        faults: level(&[0, 10, 100, 300]),
        delays: level(&[0, 20, 200]),
        hints: level(&[0, 100, 1000]),
    };
    let skew = level(&[0, 500, 30_000]);
    let ahead =
        (0..NODES).map(|_| i64::try_from(chance.below(2 * skew + 1)).unwrap() - skew as i64).collect();
    let hints = journal.hints();
    let seen = Arc::new(Seen::new(journal, clock, Chance::new(chance.next()), chaos));
    seen.note(&format!("seed {seed}: {chaos:?}, clocks differ by up to {skew} ms"));
    let (orders, errands) = errands(&mut chance, &seen);
    let mut world =
        World { seen, chance, nodes: Vec::new(), ahead, orders, errands, hints, late: Vec::new(), turns: 0 };
    for node in 0..NODES {
        world.nodes.push(Node::start(Life { node, number: 1 }, &world.seen, world.ahead[node]));
    }
    world.play();
    world.check();
    let turns = world.turns;
    let seen = world.seen.clone();
    drop(world);
    let (trace, complaints) = seen.report();
    Report { trace, complaints, turns }
}

impl World {
    fn now(&self) -> Timestamp {
        self.seen.clock.now()
    }

    fn play(&mut self) {
        while !self.is_over() {
            if self.turns > TURNS {
                return self.seen.complain("it turns in circles");
            }
            if PANICS.with(std::cell::Cell::get) > 0 {
                return self.seen.complain("something panicked");
            }
            self.carry_hints();
            self.run_errands();
            let busy = self.give_turns();
            self.make_trouble();
            if !busy && !self.let_time_pass() {
                return self.seen.complain("nobody has anything to do any more");
            }
            if self.seen.clock.elapsed() > END {
                return self.never_ends();
            }
        }
    }

    fn is_over(&self) -> bool {
        let ended = |status: Option<ExecutionStatus>| status.is_some_and(ExecutionStatus::is_ended);
        self.seen.has_complaints()
            || (self.errands.is_empty()
                && self.seen.executions().into_iter().all(|id| ended(self.seen.journal.status(id))))
    }

    /// Says what is left.
    fn never_ends(&self) {
        for id in self.seen.executions() {
            let status = self.seen.journal.status(id);
            if !status.is_some_and(ExecutionStatus::is_ended) {
                self.seen.complain(&format!("{} does not end: {status:?}", self.seen.name(id)));
            }
        }
        for Errand { order, wish, given, .. } in &self.errands {
            let asked = given.as_ref().map(|(life, _)| life.to_string());
            let name = self.seen.name(self.orders[*order].id);
            self.seen.complain(&format!("{wish:?} of {name} is not answered by {asked:?}"));
        }
    }

    /// Lets those nodes go on that can, one after the other, each for a while. False if none had
    /// anything to do.
    fn give_turns(&mut self) -> bool {
        let first = self.chance.below(NODES as u64) as usize;
        let mut busy = false;
        for node in (0..NODES).map(|node| (first + node) % NODES) {
            if self.nodes[node].goes() {
                self.turns += 1;
                let polls = *self.chance.pick(&[2, 3, 4, 8, 50]);
                busy |= self.nodes[node].turn(polls);
            }
        }
        busy
    }

    /// Turns the clock to the next moment anything happens. False if there is none.
    fn let_time_pass(&mut self) -> bool {
        let mut next: Option<Timestamp> = self.seen.clock.next_moment();
        let mut may = |moment: Timestamp| next = Some(next.map_or(moment, |next| next.min(moment)));
        for node in &self.nodes {
            match node.state {
                State::Goes => {}
                State::Stands(until) | State::Gone(until) => may(until),
            }
        }
        self.errands.iter().filter(|errand| errand.given.is_none()).for_each(|errand| may(errand.at));
        self.late.iter().for_each(|(at, ..)| may(*at));
        if let Some(next) = next {
            self.seen.clock.advance_to(next);
        }
        next.is_some()
    }

    fn carry_hints(&mut self) {
        let now = self.now();
        while let Ok(hint) = self.hints.try_recv() {
            for node in 0..NODES {
                let wrong = !self.seen.is_calm() && self.chance.hits(self.seen.chaos.hints);
                let (copies, delay) = match self.chance.below(4) {
                    _ if !wrong => (1, 0),
                    0 => (2, 3000),
                    1 => (1, 8000),
                    _ => (0, 0),
                };
                for _ in 0..copies {
                    let at = now.after(Duration::from_millis(self.chance.below(delay)));
                    self.late.push((at, node, hint));
                }
            }
        }
        let nodes = &self.nodes;
        self.late.retain(|(at, node, hint)| {
            if *at <= now {
                // Nobody has to listen.
                let _ = nodes[*node].hints.send(*hint);
            }
            *at > now
        });
    }

    fn run_errands(&mut self) {
        let now = self.now();
        let mut more = Vec::new();
        let mut errands = std::mem::take(&mut self.errands);
        errands.retain_mut(|errand| {
            let order = &self.orders[errand.order];
            if let Some((life, answer)) = &errand.given {
                let answer = *answer.lock().unwrap();
                let ended = self.seen.journal.status(order.id).is_some_and(ExecutionStatus::is_ended);
                let gone = self.nodes[life.node].life != *life
                    || matches!(self.nodes[life.node].state, State::Gone(_));
                match answer {
                    None if !gone => return true,
                    Some(true) => {
                        if let Wish::Pause = errand.wish {
                            let at = now.after(Duration::from_secs(self.chance.below(20)));
                            let (order, wish) = (errand.order, Wish::Unpause);
                            more.push(Errand { at, order, wish, given: None });
                        }
                        return false;
                    }
                    _ if ended => return false,
                    _ => {
                        errand.given = None;
                        errand.at = now.after(Duration::from_secs(1));
                    }
                }
            }
            if errand.at > now {
                return true;
            }
            let node = &self.nodes[self.chance.below(NODES as u64) as usize];
            if !node.goes() {
                errand.at = now.after(Duration::from_secs(1));
                return true;
            }
            let answer: Arc<Mutex<Option<bool>>> = Arc::default();
            errand.given = Some((node.life, answer.clone()));
            let (engine, asked) = (node.engine().clone(), (order.id, order.flow, order.n));
            let wire = Wire { life: node.life, seen: self.seen.clone(), hints: node.hints.clone() };
            let (wish, seen, life) = (errand.wish, self.seen.clone(), node.life);
            node.spawn(async move {
                let name = seen.name(asked.0);
                seen.note(&format!("{life} is asked for {wish:?} of {name}"));
                let done = ask(engine, wire, asked, wish).await;
                seen.note(&format!("{life} answers {wish:?} of {name}: {done}"));
                *answer.lock().unwrap() = Some(done);
            });
            true
        });
        errands.append(&mut more);
        self.errands = errands;
    }

    fn make_trouble(&mut self) {
        let (now, chaos) = (self.now(), self.seen.chaos);
        let calm = self.seen.clock.elapsed() > TROUBLE;
        if calm && !self.seen.calm.swap(true, Ordering::Relaxed) {
            self.seen.note("from here on all is well");
        }
        for at in 0..NODES {
            let node = &mut self.nodes[at];
            let long = |chance: &mut Chance| now.after(Duration::from_millis(chance.below(25_000)));
            match node.state {
                State::Goes if calm => {}
                State::Goes if self.chance.hits(chaos.crashes) => {
                    self.seen.note(&format!("{} crashes", node.life));
                    let until = long(&mut self.chance);
                    node.crash(until);
                }
                State::Goes if self.chance.hits(chaos.pauses) => {
                    self.seen.note(&format!("{} stands still", node.life));
                    node.state = State::Stands(long(&mut self.chance));
                }
                State::Stands(until) if until <= now => {
                    self.seen.note(&format!("{} goes on", node.life));
                    node.state = State::Goes;
                }
                State::Gone(until) if until <= now => {
                    let life = Life { node: at, number: node.life.number + 1 };
                    *node = Node::start(life, &self.seen, self.ahead[at]);
                }
                _ => {}
            }
        }
    }

    /// What must be true in the end.
    fn check(&self) {
        if self.seen.has_complaints() {
            return;
        }
        let clock = ManualClock::new();
        let journal = &self.seen.journal;
        let load = |id| clock.block_on(journal.load(id)).unwrap();
        let mut wrong = Vec::new();
        for (execution, reason) in journal.dead() {
            wrong.push(format!("{} was given up: {reason}", self.seen.name(execution)));
        }
        if self.seen.unread() > 0 {
            wrong.push(format!("{} letters are left", self.seen.unread()));
        }
        for id in self.seen.executions() {
            let name = self.seen.name(id);
            let Some(recorded) = load(id) else {
                wrong.push(format!("{name} is not there"));
                continue;
            };
            if recorded.events.is_empty() && recorded.status == ExecutionStatus::Cancelled {
                continue;
            }
            let plan = plan_of(&recorded.definition.workflow());
            wrong.extend(
                check_recorded(&plan, &recorded.events).into_iter().map(|what| format!("{name}: {what}")),
            );
        }
        for order in &self.orders {
            wrong.extend(
                load(order.id).and_then(|recorded| differs(&self.seen.name(order.id), order, &recorded)),
            );
        }
        wrong.iter().for_each(|wrong| self.seen.complain(wrong));
    }
}

/// How an execution's end is not that of the reference, if it is not.
fn differs(name: &str, order: &Order, recorded: &Recorded) -> Option<String> {
    let (status, output) = reference(order.flow, order.n);
    if order.cancelled && recorded.status == ExecutionStatus::Cancelled {
        return None;
    }
    let plan = plan_of(&recorded.definition.workflow());
    let events: Result<Vec<_>, _> = recorded.events.iter().map(|event| plan.decode(event)).collect();
    let found = match events.ok().and_then(|events| Scheduler::replay(&plan, &events).ok()) {
        Some(scheduler) => scheduler.output(),
        None => return Some(format!("{name} cannot be replayed")),
    };
    let same = recorded.status == status && *found == output;
    (!same).then(|| format!("{name} ended {:?} with {found}, not {status:?} with {output}", recorded.status))
}
