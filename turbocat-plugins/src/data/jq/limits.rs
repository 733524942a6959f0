//! What an evaluation may use. The limits belong to the thread that evaluates: values and
//! interpreter are too deep inside of each other to hand a meter around.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::thread;

/// How much of the stack an evaluation may use; the rest is for taking down what it built.
const STACK: usize = 64 << 20;

/// How many steps are made between two looks at the clock.
const LOOK: usize = 1024;

/// How many bytes that are copied are worth a step.
const WORTH: usize = 1024;

/// The longest text. Functions of the library copy texts before they pay for them.
const LONGEST_TEXT: usize = 32 << 20;

/// How many contexts of the interpreter may exist at once: what waits to be gone on with.
const CONTEXTS: usize = 1_000_000;

/// How deep values may be nested.
pub(super) const DEEPEST: u16 = 1_000;

/// How often a value may be a part of a part of a value.
pub(super) const LONGEST_PATH: u32 = 100_000;

/// What an evaluation may use.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) time: Duration,
    pub(super) memory: usize,
    pub(super) stop: Arc<AtomicBool>,
}

/// Why an evaluation was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    Time,
    Memory,
    Recursion,
    Depth,
    Cancelled,
}

thread_local! {
    static CURRENT: RefCell<Option<(Instant, Limits)>> = const { RefCell::new(None) };
    static STEPS: Cell<usize> = const { Cell::new(0) };
    static MEMORY: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(usize::MAX) };
    static ALIVE: Cell<usize> = const { Cell::new(0) };
}

/// Evaluates something within limits.
pub(super) fn within<T>(limits: &Limits, evaluate: impl FnOnce() -> T) -> Result<T, Stopped> {
    CURRENT.replace(Some((Instant::now(), limits.clone())));
    STEPS.set(0);
    MEMORY.set(0);
    ALIVE.set(0);
    MOST.set(limits.memory);
    let done = catch_unwind(AssertUnwindSafe(evaluate));
    CURRENT.replace(None);
    MOST.set(usize::MAX);
    done.or_else(|panic| match panic.downcast::<Stopped>() {
        Ok(stopped) => Err(*stopped),
        Err(panic) => resume_unwind(panic),
    })
}

/// Leaves the evaluation. Errors would not do: filters catch them.
fn leave(why: Stopped) -> ! {
    resume_unwind(Box::new(why))
}

/// One step of work.
pub(super) fn step() {
    work(0);
}

/// A step of work on so many bytes: a long text is more work than a short one.
pub(super) fn work(bytes: usize) {
    let steps = STEPS.get() + 1 + bytes / WORTH;
    if steps < LOOK {
        STEPS.set(steps);
        return;
    }
    STEPS.set(0);
    look();
}

fn look() {
    let why = CURRENT.with_borrow(|current| {
        let (began, limits) = current.as_ref()?;
        if limits.stop.load(Ordering::Relaxed) {
            return Some(Stopped::Cancelled);
        }
        (began.elapsed() > limits.time).then_some(Stopped::Time)
    });
    if let Some(why) = why {
        leave(why);
    }
}

/// A value is nested so deep.
pub(super) fn depth(depth: u16) -> u16 {
    if depth > DEEPEST {
        leave(Stopped::Depth);
    }
    depth
}

/// A value is so many parts away from where it began.
pub(super) fn path(parts: u32) -> u32 {
    if parts > LONGEST_PATH {
        leave(Stopped::Depth);
    }
    parts
}

/// A text has so many bytes.
pub(super) fn text(bytes: usize) -> usize {
    work(bytes);
    if bytes > LONGEST_TEXT {
        leave(Stopped::Memory);
    }
    bytes
}

/// Memory that a value holds, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Charge(usize);

impl Charge {
    pub(super) fn new(bytes: usize) -> Self {
        let mut charge = Self(0);
        charge.grow(bytes);
        charge
    }

    pub(super) fn grow(&mut self, bytes: usize) {
        let sum = MEMORY.get().saturating_add(bytes);
        if sum > MOST.get() {
            leave(Stopped::Memory);
        }
        MEMORY.set(sum);
        self.0 += bytes;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        MEMORY.set(MEMORY.get().saturating_sub(self.0));
    }
}

/// A context of the interpreter that is alive.
#[derive(Debug)]
pub(super) struct Alive(());

impl Alive {
    /// One step of the interpreter: it makes one of these for each.
    pub(super) fn new() -> Self {
        step();
        if thread::used().is_none_or(|used| used > STACK) {
            leave(Stopped::Recursion);
        }
        let alive = ALIVE.get() + 1;
        if alive > CONTEXTS {
            leave(Stopped::Memory);
        }
        ALIVE.set(alive);
        Self(())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get().saturating_sub(1));
    }
}
